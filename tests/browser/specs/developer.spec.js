import { Api } from "../harness/api.js";
import { confirm, expect, test, toast } from "../harness/test.js";

const region = (page, name) => page.getByRole("region", { name });
const open = async (page, client) => {
  await page.goto("/manager/developer");
  await page.getByRole("link", { name: client.name, exact: true }).click();
};

test("credentials are created, shown once, and rotated while the old ones go on working", async ({ page, place }) => {
  const name = place.name("Ferry");
  await page.goto("/manager/developer");
  await region(page, "Create a client").getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Create and show the secret" }).click();
  const shown = region(page, `The secret of ${name}`);
  const read = async () => {
    // The answer to the form leads on to the page that shows it.
    await expect(shown.locator("code")).toHaveCount(2);
    const [clientId, secretId] = await shown.locator("code").allTextContents();
    return { clientId, secretId };
  };
  const first = await read();
  await Api.logIn(place.url, first);
  await page.goto("/manager/developer");
  await page.getByRole("link", { name, exact: true }).click();
  await expect(page.getByRole("main")).not.toContainText(first.secretId);

  await page.getByRole("button", { name: "Rotate the secret" }).click();
  await confirm(page);
  const second = await read();
  expect(second.secretId).not.toBe(first.secretId);
  for (const credentials of [first, second]) await Api.logIn(place.url, credentials);
  await expect(region(page, "Credentials")).toContainText("The secret before this one still works until");
});

test("an endpoint is added and tested, and its deliveries are looked at and sent again", async ({ page, place }) => {
  const client = await place.client();
  const hook = place.sink.hook(client.clientId);
  await open(page, client);
  await page.getByRole("link", { name: "Add an endpoint" }).click();
  await page.getByLabel("URL").fill(hook.url);
  await page.getByLabel("Description").fill("Night shift");
  await page.getByRole("button", { name: "Add the endpoint" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Night shift");
  const tabs = page.getByRole("navigation", { name: "Endpoint" });

  await tabs.getByRole("link", { name: "Test" }).click();
  await page.getByRole("button", { name: "Send it now" }).click();
  await expect(page.getByRole("status").filter({ hasText: "The contract was kept." })).toBeVisible();
  await expect(region(page, "What was sent")).toContainText("x-auth-token", { ignoreCase: true });
  await expect(region(page, "What came back")).toContainText("HTTP 200");
  expect(hook.received).toHaveLength(1);

  const job = await client.api.upload("night.jpg");
  expect(await client.api.ended(job)).toBe("Succeeded");
  await expect.poll(() => hook.received.length).toBe(4);
  await tabs.getByRole("link", { name: "Deliveries" }).click();
  const deliveries = region(page, "Deliveries").getByRole("row");
  await expect(deliveries.filter({ hasText: "delivered" })).toHaveCount(3);
  await page.getByRole("link", { name: /^Open the delivery of Succeeded/ }).click();
  const attempts = region(page, /^Attempts/).getByRole("listitem");
  await expect(attempts).toHaveCount(1);
  const id = await page.locator("#webhook-id").textContent();
  await page.getByRole("button", { name: "Resend" }).click();
  await confirm(page);
  await expect(toast(page)).toContainText("It goes out again now.");
  await expect(attempts).toHaveCount(2);
  expect(hook.received).toHaveLength(5);
  expect(hook.received.slice(-2).map(({ headers }) => headers["webhook-id"])).toEqual([id, id]);
});

test("an endpoint that fails the test is told what is wrong", async ({ page, place }) => {
  const client = await place.client();
  const hook = place.sink.hook(client.clientId);
  hook.refusals = 1;
  await client.api.endpoint(hook, "Shy");
  await open(page, client);
  await page.getByRole("link", { name: "Shy" }).click();
  await page.getByRole("link", { name: "Test", exact: true }).click();
  await page.getByRole("button", { name: "Send it now" }).click();
  await expect(page.getByRole("status").filter({ hasText: "The contract was not kept." })).toBeVisible();
  await expect(region(page, "What came back")).toContainText("HTTP 503");
});

test("there are five endpoints at most, and one less makes room", async ({ page, place }) => {
  const client = await place.client();
  for (const number of [1, 2, 3, 4, 5]) {
    await client.api.endpoint(place.sink.hook(`${client.clientId}-${number}`), `Hook ${number}`);
  }
  await open(page, client);
  const endpoints = region(page, /^Webhook endpoints/);
  await expect(endpoints).toContainText("5 of 5");
  await expect(page.getByRole("link", { name: "Add an endpoint" })).toHaveCount(0);
  await page.getByRole("link", { name: "Hook 3" }).click();
  await page.getByRole("link", { name: "Settings" }).last().click();
  await page.getByRole("button", { name: "Delete the endpoint" }).click();
  await confirm(page);
  await expect(endpoints).toContainText("4 of 5");
  await expect(page.getByRole("link", { name: "Add an endpoint" })).toBeVisible();
});

test("a token is shown on demand and rotated, and an endpoint is switched off and on", async ({ page, place }) => {
  const client = await place.client();
  const { webhookToken } = await client.api.endpoint(place.sink.hook(client.clientId), "Quiet");
  await open(page, client);
  await page.getByRole("link", { name: "Quiet" }).click();
  await page.getByRole("navigation", { name: "Endpoint" }).getByRole("link", { name: "Settings" }).click();
  const token = region(page, "Token");
  await expect(token).not.toContainText(webhookToken);
  await token.getByRole("button", { name: "Show the token" }).click();
  await expect(token).toContainText(webhookToken);
  await token.getByRole("button", { name: "Rotate" }).click();
  await confirm(page);
  await expect(token).toContainText("A rotation is under way");

  await page.getByRole("button", { name: "Deactivate" }).click();
  await confirm(page);
  await page.getByRole("button", { name: "Activate", exact: true }).click();
  await expect(page.getByRole("button", { name: "Deactivate" })).toBeVisible();
});

test("what was sent is counted and then replayed", async ({ page, place }) => {
  const client = await place.client();
  const hook = place.sink.hook(client.clientId);
  await client.api.endpoint(hook, "Again");
  const job = await client.api.upload("again.jpg");
  expect(await client.api.ended(job)).toBe("Succeeded");
  await expect.poll(() => hook.received.length).toBe(3);
  await open(page, client);
  await page.getByRole("link", { name: "Again" }).click();
  await page.getByRole("link", { name: "Replays" }).click();
  await page.getByRole("group", { name: "Events that stand so here" }).getByRole("checkbox").evaluateAll((boxes) => {
    for (const box of boxes) box.checked = false;
  });
  await page.getByRole("button", { name: "Count what would be sent" }).click();
  await expect(page.getByRole("heading", { name: "A replay would send 3 deliveries" })).toBeVisible();
  expect(hook.received).toHaveLength(3);
  await page.getByRole("button", { name: "Start the replay" }).click();
  await expect(toast(page)).toContainText("The replay has begun.");
  await expect.poll(() => hook.received.length).toBe(6);
});
