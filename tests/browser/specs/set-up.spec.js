import { Server } from "../harness/server.js";
import { PASSWORD } from "../harness/place.js";
import { expect, signIn, test, toast } from "../harness/test.js";

test.describe("the first start", () => {
  let server;
  test.beforeAll(async () => (server = await Server.start()));
  test.afterAll(() => server.stop());

  test("the link of the first start makes the first administrator, once", async ({ visit }) => {
    const page = await visit(undefined, { at: server });
    await page.goto(server.setupLink);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Set up Sfumato");
    await page.getByLabel("Name or e-mail").fill("ada@example.com");
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByLabel("The same password again").fill("something else altogether");
    await page.getByRole("button", { name: "Create the administrator" }).click();
    await expect(page.getByRole("alert")).toHaveText("The two passwords differ.");
    await expect(page.getByLabel("Name or e-mail")).toHaveValue("ada@example.com");

    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByLabel("The same password again").fill(PASSWORD);
    await page.getByRole("button", { name: "Create the administrator" }).click();
    await expect(toast(page)).toContainText("Welcome to Sfumato.");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Overview");

    const other = await visit(undefined, { at: server });
    await other.goto(server.setupLink);
    await expect(other.getByRole("main")).toContainText("This link has been used");
    await signIn(other, { name: "ada@example.com", password: PASSWORD });
  });
});
