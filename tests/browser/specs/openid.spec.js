import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { expectTree, keepPicture } from "../harness/golden.js";
import { Place } from "../harness/place.js";
import { OpenId, SECRET } from "../harness/provider.js";
import { freePort } from "../harness/server.js";
import { expect, test as base } from "../harness/test.js";

// A provider, and a server that knows it by the variables `SFUMATO_OPENID__…`; both for one test, or for all of a worker.
async function house(variables = {}, passwords = true) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const openid = await OpenId.start(`${url}/manager/sign-in/openid/return`);
  const secret = join(tmpdir(), `sfumato-openid-${port}`);
  await writeFile(secret, `${SECRET}\n`, { mode: 0o600 });
  const known = {
    SFUMATO_PUBLIC_URL: url,
    SFUMATO_OPENID__ISSUER: openid.issuer,
    SFUMATO_OPENID__NAME: "Harbour login",
    SFUMATO_OPENID__CLIENT_ID: "sfumato",
    SFUMATO_OPENID__CLIENT_SECRET_FILE: secret,
    SFUMATO_MANAGER__PASSWORD_SIGN_IN: String(passwords),
    ...variables,
  };
  const place = await Place.open([], { port, variables: known, passwords });
  return { openid, place, close: () => Promise.all([place.close(), openid.stop()]) };
}

const test = base.extend({
  known: [
    async ({}, use) => {
      const known = await house();
      await use(known);
      await known.close();
    },
    { scope: "worker" },
  ],
  // A browser of nobody, before whom `person` sits.
  stranger: async ({ known, visit }, use) => {
    known.openid.tampering = {};
    await use(async (sub, claims) => {
      known.openid.person(sub, claims);
      return visit(undefined, { at: known.place, beyond: known.openid.issuer });
    });
  },
});

const button = (page) => page.getByRole("link", { name: "Sign in with Harbour login" });
const heading = (page) => page.getByRole("heading", { level: 1 });

async function signIn(page, path = "/manager") {
  await page.goto(path);
  await button(page).click();
}

async function refusal(page) {
  await expect(heading(page)).toHaveText("Sign in");
  return page.getByRole("alert").textContent();
}

test("a user is found by the verified address, and from then on by the subject", async ({ known, stranger, visit }) => {
  const { place, openid } = known;
  const client = await place.client("Lighthouse");
  await place.user("grace@example.com", client);
  const page = await stranger("grace", { email: "Grace@Example.com", email_verified: true });
  await signIn(page, "/manager/account");
  await expect(heading(page)).toHaveText("Your account");
  await expect(page.getByRole("main")).toContainText("grace@example.com · member");

  // The address has changed there, and another person has it.
  openid.person("grace", { email: "grace@elsewhere.example.com", email_verified: true });
  const again = await visit(undefined, { at: place, beyond: openid.issuer });
  await signIn(again, "/manager/account");
  await expect(again.getByRole("main")).toContainText("grace@example.com · member");
  const other = await stranger("other grace", { email: "grace@example.com", email_verified: true });
  await signIn(other);
  expect(await refusal(other)).toContain("There is a user with your name, grace@example.com");

  const administrator = await visit(place.administrator, { at: place });
  await administrator.goto("/manager/audit?action=user.linked");
  await expect(administrator.getByRole("main")).toContainText("grace@example.com");
});

test("whoever is unknown, shut out, or only says to have an address stays outside", async ({ known, stranger, visit }) => {
  const { place } = known;
  const unknown = await stranger("mallory", { email: "mallory@example.com", email_verified: true });
  await signIn(unknown);
  expect(await refusal(unknown)).toContain("knows you as mallory@example.com, but there is no such user here");
  await place.user("heidi@example.com");
  const claimed = await stranger("no heidi", { email: "heidi@example.com", email_verified: false });
  await signIn(claimed);
  expect(await refusal(claimed)).toContain("there is no such user here");
  await place.server.run(["user", "disable", "heidi@example.com"]);
  const disabled = await stranger("heidi", { email: "heidi@example.com", email_verified: true });
  await signIn(disabled);
  expect(await refusal(disabled)).toBe("Your user is disabled. Ask an administrator.");
  known.openid.present = undefined;
  const refused = await visit(undefined, { at: place, beyond: known.openid.issuer });
  await signIn(refused);
  expect(await refusal(refused)).toBe("Harbour login did not sign you in.");
});

test("what is not of this sign-in is refused", async ({ visit }) => {
  // A server of its own: it lets nobody try for ever.
  const { place, openid, close } = await house();
  await place.user("judy@example.com");
  openid.person("judy", { email: "judy@example.com", email_verified: true });
  const judy = () => visit(undefined, { at: place, beyond: openid.issuer });
  const cases = [
    [{ back: (url) => set(url, "state", "another") }, "begun in another browser, or too long ago"],
    [{ back: (url) => set(url, "iss", "https://another.example.com") }, "cannot be trusted"],
    [{ back: (url) => set(url, "code", "another") }, "does not take this sign-in any more"],
    [{ claims: (claims) => ({ ...claims, nonce: "another" }) }, "cannot be trusted"],
    [{ claims: (claims) => ({ ...claims, aud: "another" }) }, "cannot be trusted"],
    [{ claims: (claims) => ({ ...claims, iss: "https://another.example.com" }) }, "cannot be trusted"],
    [{ claims: (claims) => ({ ...claims, exp: claims.iat - 61 }) }, "cannot be trusted"],
    [{ code: (ctx) => ctx.req.socket.destroy() }, "does not answer"],
  ];
  for (const [tampering, expected] of cases) {
    const page = await judy();
    openid.tampering = tampering;
    await signIn(page);
    expect(await refusal(page), String(Object.values(tampering)[0])).toContain(expected);
  }
  // A clock that is a little off is none of them.
  const page = await judy();
  openid.tampering = { claims: (claims) => ({ ...claims, exp: claims.iat - 1, iat: claims.iat + 30 }) };
  await signIn(page);
  await expect(heading(page)).toHaveText("Overview");
  // What has brought one browser in brings no other one in, and no second time.
  const thief = await visit(undefined, { at: place });
  await thief.goto(openid.returned);
  expect(await refusal(thief)).toContain("begun in another browser");
  await close();
});

const set = (url, name, value) => {
  url.searchParams.set(name, value);
  return url;
};

test("keys that have changed are fetched, and a provider that is down is said to be", async ({ stranger, known, visit }) => {
  const { place, openid } = known;
  await place.user("kim@example.com");
  const first = await stranger("kim", { email: "kim@example.com", email_verified: true });
  await signIn(first);
  await expect(heading(first)).toHaveText("Overview");
  await openid.rotate();
  const second = await visit(undefined, { at: place, beyond: openid.issuer });
  await signIn(second);
  await expect(heading(second)).toHaveText("Overview");

  const down = await house();
  try {
    await down.openid.stop();
    const page = await visit(undefined, { at: down.place });
    await signIn(page);
    expect(await refusal(page)).toBe("Harbour login does not answer. Try again in a moment.");
    await expect(page.getByLabel("Password")).toBeVisible();
  } finally {
    await down.place.close();
  }
});

test("rules say who becomes what, and passwords may be switched off", async ({ visit }) => {
  const rules = { SFUMATO_OPENID__ROLES: "captains=administrator" };
  const { openid, place, close } = await house(rules, false);
  try {
    const visitor = async (sub, claims) => {
      openid.person(sub, claims);
      return visit(undefined, { at: place, beyond: openid.issuer });
    };
    const captain = await visitor("1", { email: "ann@example.com", email_verified: true, groups: ["crew", "captains"] });
    await captain.goto("/manager");
    await expect(captain.getByLabel("Password")).toHaveCount(0);
    await button(captain).click();
    await captain.goto("/manager/users");
    await expect(captain.getByRole("row", { name: "ann@example.com" })).toContainText("All clients");
    await expect(captain.getByRole("button", { name: "New link" })).toHaveCount(0);
    await captain.goto("/manager/account");
    await expect(captain.getByLabel("Present password")).toHaveCount(0);
    const sailor = await visitor("2", { preferred_username: "ben", groups: "crew" });
    await signIn(sailor);
    expect(await refusal(sailor)).toContain("knows you as ben, but there is no such user here");
    // No captain any more.
    const demoted = await visitor("1", { email: "ann@example.com", email_verified: true, groups: [] });
    await signIn(demoted);
    expect(await refusal(demoted)).toContain("gives you no role here");
  } finally {
    await close();
  }
});

test("newcomers become members of the client that the settings name", async ({ visit }) => {
  // The client's id is known once it is made, in a server that is then started again with it.
  const { openid, place, close } = await house();
  try {
    const client = await place.client("Pilots");
    await place.server.restart({ SFUMATO_OPENID__NEWCOMERS: client.clientId });
    openid.person("3", { preferred_username: "cleo" });
    const page = await visit(undefined, { at: place, beyond: openid.issuer });
    await signIn(page, "/manager/account");
    await expect(page.getByRole("main")).toContainText("cleo · member");
    await page.goto("/manager/settings");
    await expect(page.getByRole("main")).toContainText("Pilots");
  } finally {
    await close();
  }
});

test("the sign-in page offers both ways", async ({ known, visit }) => {
  const page = await visit(undefined, { at: known.place });
  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.goto("/manager/sign-in");
    await keepPicture(page, `sign-in-openid-${scheme}`);
  }
  await expectTree(page.locator("body"), "sign-in-openid");
});
