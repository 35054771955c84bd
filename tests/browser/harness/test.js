// The `test` of all specs: a place for each worker, and pages that are watched.
//
//   place   the worker's server; it outlives a test, so a test looks only at what it has made itself
//   visit   opens a browser of its own, for nobody or for a user: `await visit()`, `await visit(user)`; `at` is another place,
//           `beyond` the one other origin that its pages may lead to
//   page    a browser in which the administrator has signed in
import { expect, test as base } from "@playwright/test";
import { Place } from "./place.js";

export { expect };

export const test = base.extend({
  place: [
    async ({}, use) => {
      const place = await Place.open();
      await use(place);
      await place.close();
    },
    { scope: "worker" },
  ],

  // The session of a user is begun once a worker: stretching a password is slow on purpose.
  sessions: [async ({}, use) => use(new Map()), { scope: "worker" }],

  visit: async ({ browser, place, sessions }, use) => {
    const contexts = [];
    const complaints = [];
    await use(async (user, { at = place, beyond, ...options } = {}) => {
      const key = user && `${at.url} ${user.name}`;
      const context = await browser.newContext({ baseURL: at.url, storageState: sessions.get(key), ...options });
      contexts.push(context);
      watch(context, [new URL(at.url).origin, beyond], complaints);
      const page = await context.newPage();
      if (user && !sessions.has(key)) {
        await signIn(page, user);
        sessions.set(key, await context.storageState());
      }
      return page;
    });
    for (const context of contexts) await context.close();
    expect(complaints, "what pages must not do").toEqual([]);
  },

  page: async ({ visit, place }, use) => use(await visit(place.administrator)),
});

export async function signIn(page, { name, password }) {
  await page.goto("/manager/sign-in");
  await page.getByLabel("Name or e-mail").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("navigation", { name: "Main" })).toBeVisible();
}

// Notes each request that leaves these origins, each error of a script, and each violation of the policy.
function watch(context, origins, complaints) {
  context.on("request", (request) => {
    const { protocol, origin: asked } = new URL(request.url());
    if (!["data:", "blob:"].includes(protocol) && !origins.includes(asked)) complaints.push(`asks ${request.url()}`);
  });
  context.on("weberror", (error) => complaints.push(`a script fails: ${error.error()}`));
  context.on("console", (message) => {
    // A page that is refused is what some tests are about.
    const refused = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !refused) complaints.push(`the console says: ${message.text()}`);
  });
}

// Answers the question that stands before something is done.
export async function confirm(page, answer = "Continue") {
  const dialog = page.getByRole("dialog");
  await expect(dialog).toBeVisible();
  await dialog.getByRole("button", { name: answer, exact: true }).click();
}

// The message that says what was done.
export function toast(page) {
  return page.locator("#toasts");
}
