import { expect, signIn, test, toast } from "../harness/test.js";

test("a page leads a stranger to the sign-in and back to itself", async ({ visit, place }) => {
  const page = await visit();
  await page.goto("/manager/account");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Sign in");
  await page.getByLabel("Name or e-mail").fill(place.administrator.name);
  await page.getByLabel("Password").fill(place.administrator.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL("/manager/account");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Your account");
});

test("a wrong password is refused without saying what was wrong", async ({ visit, place }) => {
  const page = await visit();
  await page.goto("/manager/sign-in");
  const refusals = [];
  for (const name of [place.administrator.name, "nobody@example.com"]) {
    await page.getByLabel("Name or e-mail").fill(name);
    await page.getByLabel("Password").fill("not the right one at all");
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByLabel("Name or e-mail")).toHaveValue(name);
    refusals.push(await page.getByRole("alert").textContent());
  }
  expect(refusals[0]).toBe(refusals[1]);
});

test("signing in needs no mouse", async ({ visit, place }) => {
  const page = await visit();
  await page.goto("/manager/sign-in");
  await expect(page.getByLabel("Name or e-mail")).toBeFocused();
  await page.keyboard.type(place.administrator.name);
  await page.keyboard.press("Tab");
  await page.keyboard.type(place.administrator.password);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Overview");
});

test("signing out ends the session, and going back shows nothing", async ({ visit, place }) => {
  const page = await visit();
  await signIn(page, place.administrator);
  await page.goto("/manager/account");
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Sign in");
  await page.goBack();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Sign in");
});

test("a session that ends elsewhere ends here", async ({ visit, place }) => {
  const user = await place.user("grace@example.com");
  const [here, there] = [await visit(), await visit()];
  for (const page of [here, there]) await signIn(page, user);
  await here.goto("/manager/account");
  const sessions = here.getByRole("region", { name: "Sessions" }).getByRole("row");
  await expect(sessions).toHaveCount(3);
  await here.getByRole("button", { name: "End", exact: true }).click();
  await expect(toast(here)).not.toBeEmpty();
  await expect(sessions).toHaveCount(2);
  await there.goto("/manager");
  await expect(there.getByRole("heading", { level: 1 })).toHaveText("Sign in");
});
