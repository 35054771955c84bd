import { confirm, expect, signIn, test, toast } from "../harness/test.js";

test("a password is changed, and the old one is refused", async ({ visit, place }) => {
  const user = await place.user("hedy@example.com");
  const page = await visit();
  await signIn(page, user);
  await page.goto("/manager/account");
  const fresh = "another lighthouse in the rain";
  await page.getByLabel("Present password").fill(user.password);
  await page.getByLabel("New password", { exact: true }).fill(fresh);
  await page.getByLabel("New password again").fill(fresh);
  await page.getByRole("button", { name: "Change the password" }).click();
  await expect(toast(page)).not.toBeEmpty();

  const other = await visit();
  await other.goto("/manager/sign-in");
  await other.getByLabel("Name or e-mail").fill(user.name);
  await other.getByLabel("Password").fill(user.password);
  await other.getByRole("button", { name: "Sign in" }).click();
  await expect(other.getByRole("alert")).toBeVisible();
  await signIn(other, { ...user, password: fresh });
});

test("the theme follows the device until one is chosen, and stays then", async ({ page }) => {
  const ink = () => page.evaluate(() => getComputedStyle(document.body).color);
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto("/manager/account");
  const light = await ink();
  await page.emulateMedia({ colorScheme: "dark" });
  await expect.poll(ink).not.toBe(light);
  const dark = await ink();

  await page.getByRole("radio", { name: "Light" }).check();
  await page.getByRole("button", { name: "Use this theme" }).click();
  await expect(page.getByRole("radio", { name: "Light" })).toBeChecked();
  await expect.poll(ink).toBe(light);

  await page.getByRole("button", { name: "Switch between light and dark" }).click();
  await expect.poll(ink).toBe(dark);
  await page.goto("/manager/users");
  await expect.poll(ink).toBe(dark);
});

test("signing out everywhere asks first", async ({ visit, place }) => {
  const user = await place.user("mary@example.com");
  const [here, there] = [await visit(), await visit()];
  for (const page of [here, there]) await signIn(page, user);
  await here.goto("/manager/account");
  const button = here.getByRole("button", { name: "Sign out everywhere" });
  await button.click();
  await confirm(here, "Cancel");
  await expect(here.getByRole("heading", { level: 1 })).toHaveText("Your account");
  await button.click();
  await confirm(here);
  await expect(here.getByRole("heading", { level: 1 })).toHaveText("Sign in");
  await there.goto("/manager");
  await expect(there.getByRole("heading", { level: 1 })).toHaveText("Sign in");
});
