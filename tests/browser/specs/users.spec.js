import { PASSWORD } from "../harness/place.js";
import { confirm, expect, signIn, test, toast } from "../harness/test.js";

test("a member is invited by a link, chooses a password, and sees one client", async ({ page, visit, place }) => {
  const client = await place.client();
  await page.goto("/manager/users");
  const form = page.getByRole("region", { name: "Add a user" });
  await form.getByLabel("Name or e-mail").fill("bob@example.com");
  await form.getByLabel("Sees").selectOption(client.name);
  await form.getByRole("button", { name: "Create and show the link" }).click();
  const link = await page.getByRole("region", { name: "A link for bob@example.com" }).locator("code").textContent();
  await expect(page.getByRole("row", { name: "bob@example.com" })).toContainText("invited");

  const bob = await visit();
  await bob.goto(link);
  await expect(bob.getByRole("heading", { level: 1 })).toHaveText("Choose a password");
  await bob.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await bob.getByLabel("The same password again").fill(PASSWORD);
  await bob.getByRole("button", { name: "Set the password" }).click();
  await expect(toast(bob)).toContainText("Your password is set.");
  await signIn(bob, { name: "bob@example.com", password: PASSWORD });
  await expect(bob.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Users" })).toHaveCount(0);
  const answer = await bob.goto("/manager/users");
  expect(answer.status()).toBe(404);
});

test("a user who is disabled is out at once, and may come back", async ({ page, visit, place }) => {
  const user = await place.user("carol@example.com");
  const carol = await visit();
  await signIn(carol, user);
  await page.goto("/manager/users");
  const row = page.getByRole("row", { name: user.name });
  await row.getByRole("button", { name: "Disable" }).click();
  await confirm(page);
  await expect(row).toContainText("disabled");
  await carol.goto("/manager");
  await expect(carol.getByRole("heading", { level: 1 })).toHaveText("Sign in");
  await row.getByRole("button", { name: "Enable" }).click();
  await expect(row).toContainText("active");
  await signIn(carol, user);
});

test("a user is deleted only after the question is answered", async ({ page, place }) => {
  const user = await place.user("dan@example.com");
  await page.goto("/manager/users");
  const row = page.getByRole("row", { name: user.name });
  await row.getByRole("button", { name: "Delete" }).click();
  await page.keyboard.press("Escape");
  await expect(row).toBeVisible();
  await row.getByRole("button", { name: "Delete" }).click();
  await confirm(page);
  await expect(row).toHaveCount(0);
});
