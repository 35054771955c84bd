import { readFile } from "node:fs/promises";
import { confirm, expect, test, toast } from "../harness/test.js";

test("the overview follows what happens", async ({ visit, place }) => {
  const client = await place.client();
  const page = await visit(await place.user("overview@example.com", client));
  await page.goto("/manager");
  await expect(page.getByRole("heading", { name: "No jobs yet" })).toBeVisible();
  await client.api.upload("first.jpg");
  const shares = page.getByRole("region", { name: "Jobs by status" }).getByRole("listitem");
  await expect(shares.filter({ hasText: /Succeeded\s*1/i })).toBeVisible({ timeout: 60_000 });
  await page.getByRole("link", { name: /^7 days/ }).click();
  await expect(page).toHaveURL(/range=/);
  await shares.filter({ hasText: /Succeeded/i }).getByRole("link").click();
  await expect(page.getByRole("link", { name: "first.jpg", exact: true })).toBeVisible();
});

test("what is agreed with a client is changed, and the audit log says by whom", async ({ page, place }) => {
  const client = await place.client(place.name("Tollgate"));
  await page.goto("/manager/settings");
  await page.getByRole("row", { name: client.name }).getByRole("link", { name: /^Change/ }).click();
  const jobs = page.getByLabel("Jobs in a day");
  await jobs.fill("many");
  await page.getByRole("button", { name: "Save" }).click();
  await confirm(page);
  await expect(page.getByRole("alert").first()).toContainText("Nothing was saved");
  await jobs.fill("3");
  await page.getByRole("button", { name: "Save" }).click();
  await confirm(page);
  await expect(toast(page)).toContainText(`What is agreed with ${client.name} is changed.`);

  await page.goto("/manager/audit");
  await page.getByLabel("Client").selectOption(client.name);
  await page.getByLabel("Who").selectOption(place.administrator.name);
  await page.getByRole("button", { name: "Filter" }).click();
  const entries = page.getByRole("region", { name: "Entries, newest first" }).getByRole("row");
  await expect(entries).toHaveCount(2);
  await expect(entries.last()).toContainText("3");
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "CSV" }).click();
  const lines = (await readFile(await (await download).path(), "utf8")).trim().split("\n");
  expect(lines).toHaveLength(2);
  expect(lines[1]).toContain(place.administrator.name);
});
