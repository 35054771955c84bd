import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { PICTURE } from "../harness/api.js";
import { clip } from "../harness/clip.js";
import { confirm, expect, test, toast } from "../harness/test.js";

// A member's pages show one client's jobs, whatever other tests do beside.
async function begin({ place, visit }) {
  const client = await place.client();
  const member = await place.user(`${client.clientId.slice(-6)}@example.com`, client);
  return { client, member, page: await visit(member) };
}
const rows = (page) => page.getByRole("region", { name: "Jobs, newest first" }).getByRole("row");
const state = (page) => page.getByRole("region", { name: "Status" });

test("a picture is uploaded, watched until it is done, and compared with its original", async ({ place, visit }) => {
  const { page } = await begin({ place, visit });
  await page.goto("/manager/upload");
  await page.getByLabel("Choose files").setInputFiles(fileURLToPath(PICTURE));
  await expect(page.getByRole("list", { name: "Files to be uploaded" })).toContainText("astronaut.jpg");
  await page.getByRole("radio", { name: "Mosaic" }).check();
  const priority = page.getByRole("combobox", { name: "Priority" });
  await expect(priority).toHaveValue("normal");
  await priority.selectOption("High");
  await page.getByRole("button", { name: "Upload", exact: true }).click();

  // Nothing is loaded again from here: the page learns by itself.
  await page.evaluate(() => (globalThis.isTheSamePage = true));
  const uploaded = page.getByRole("region", { name: "Uploaded just now" });
  await expect(uploaded).toContainText("astronaut.jpg");
  await expect(uploaded).toContainText("Succeeded", { timeout: 60_000 });
  expect(await page.evaluate(() => globalThis.isTheSamePage)).toBe(true);

  await uploaded.getByRole("link", { name: "astronaut.jpg", exact: true }).click();
  await expect(state(page)).toContainText("1 face");
  await expect(page.locator("dt", { hasText: "Priority" }).locator("xpath=following-sibling::dd[1]")).toHaveText("high");
  const pictures = page.getByRole("main").locator("figure img");
  await expect(pictures).toHaveCount(2);
  const loaded = () => pictures.evaluateAll((images) => images.every((image) => image.naturalWidth > 0));
  await expect.poll(loaded).toBe(true);

  const divider = page.getByRole("slider", { name: "Divider between original and result" });
  const stage = page.locator("media-compare");
  await divider.fill("0");
  const result = await stage.screenshot();
  await divider.fill("100");
  await expect(divider).toHaveAttribute("aria-valuetext", "100 % original");
  expect((await stage.screenshot()).equals(result), "both ends look the same").toBe(false);
  await divider.press("ArrowLeft");
  await expect(divider).toHaveAttribute("aria-valuetext", "99 % original");

  await page.getByRole("checkbox", { name: "Show detections" }).check();
  await expect(page.locator("media-compare svg.media-boxes").locator("rect")).not.toHaveCount(0);
  await page.locator("summary", { hasText: "Detections" }).click();
  await expect(page.getByRole("region", { name: "List of detections" }).getByRole("row")).toHaveCount(2);
});

test("the list of jobs follows what happens, and finds by name and status", async ({ place, visit }) => {
  const { client, page } = await begin({ place, visit });
  await page.goto("/manager/jobs");
  await expect(page.getByRole("heading", { name: "No jobs yet" })).toBeVisible();
  const picture = await readFile(PICTURE);
  await client.api.upload("harbour.jpg");
  await client.api.upload("torn.jpg", picture.subarray(0, 2_000));
  const row = (name) => page.getByRole("row", { name });
  await expect(row("harbour.jpg")).toContainText("Succeeded", { timeout: 60_000 });
  await expect(row("torn.jpg")).toContainText("Failed", { timeout: 60_000 });

  await page.getByLabel("Name or identifier").fill("harb");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(rows(page)).toHaveCount(2);
  await expect(row("harbour.jpg")).toBeVisible();
  await page.getByRole("link", { name: "Clear" }).click();
  await page.getByLabel("Status").selectOption("Failed");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(rows(page)).toHaveCount(2);
  await expect(row("torn.jpg")).toBeVisible();

  await page.getByRole("link", { name: "torn.jpg" }).click();
  await expect(state(page)).toContainText("Could not be done.");
  await page.getByRole("button", { name: "Retry" }).click();
  await expect(toast(page)).toContainText("is done again, as a new job");
});

// Opens the editor of the boxes of a picture that was just done.
async function edit(client, page) {
  const job = await client.api.upload("crew.jpg", undefined, { output_detections_url: "true" });
  expect(await client.api.ended(job)).toBe("Succeeded");
  await page.goto("/manager/jobs");
  await page.getByRole("link", { name: "crew.jpg", exact: true }).click();
  await page.getByRole("link", { name: "Edit boxes" }).click();
}

test("a box is put right, and the picture is rendered again", async ({ place, visit }) => {
  const { client, page } = await begin({ place, visit });
  await edit(client, page);
  const boxes = page.getByRole("group", { name: "Boxes on the original" });
  await expect(boxes.getByRole("button")).toHaveCount(1);

  // One is drawn with the mouse, and one is moved by its number.
  const frame = await boxes.boundingBox();
  await page.mouse.move(frame.x + 20, frame.y + 20);
  await page.mouse.down();
  await page.mouse.move(frame.x + 120, frame.y + 90, { steps: 4 });
  await page.mouse.up();
  await expect(boxes.getByRole("button")).toHaveCount(2);
  await expect(page.getByRole("region", { name: "Boxes" })).toContainText("1 added");
  const added = page.getByRole("listitem").filter({ hasText: "New box 1" });
  await added.getByLabel("Left (px)").fill("40");
  await expect(boxes.getByRole("button", { name: /^New box 1: 40,/ })).toBeVisible();
  await page.getByRole("button", { name: "Remove: Face 1" }).click();
  await expect(page.getByRole("region", { name: "Boxes" })).toContainText("1 removed");
  await page.getByRole("button", { name: "Render again" }).click();

  await expect(toast(page)).toContainText("is rendered again, as a new job");
  await expect(state(page)).toContainText("Succeeded", { timeout: 60_000 });
  const revisions = page.getByRole("region", { name: "Jobs on this original" });
  await expect(revisions.getByRole("listitem")).toHaveCount(2);
  await page.locator("summary", { hasText: "Detections" }).click();
  await expect(page.getByRole("region", { name: "List of detections" })).toContainText("by hand");
  // The first one stays as it was.
  await revisions.getByRole("link").click();
  await page.locator("summary", { hasText: "Detections" }).click();
  await expect(page.getByRole("region", { name: "List of detections" })).not.toContainText("by hand");
});

test("a small box is moved by its middle, and looked at closely", async ({ place, visit }) => {
  const { client, page } = await begin({ place, visit });
  await edit(client, page);
  const face = page.getByRole("listitem").filter({ hasText: "Face 1" });
  await face.getByText("Face 1").click();
  for (const [label, value] of Object.entries({ Left: "200", Top: "100", Width: "12", Height: "14" })) {
    await face.getByLabel(`${label} (px)`).fill(value);
  }
  const box = page.getByRole("group", { name: "Boxes on the original" }).getByRole("button");
  const dragged = async (dx, dy) => {
    const at = await box.boundingBox();
    const [x, y] = [at.x + at.width / 2, at.y + at.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + dx, y + dy, { steps: 4 });
    await page.mouse.up();
  };
  await dragged(30, 20);
  await expect(box).toHaveAccessibleName(/, 12 by 14 pixels$/);
  await expect(box).not.toHaveAccessibleName(/: 200, 100,/);

  // Four times as large, it lies in the middle of what is seen, and follows the pointer as before.
  const before = await box.boundingBox();
  await page.getByLabel("Size").selectOption("4");
  const [close, frame] = [await box.boundingBox(), await page.locator(".review-frame").boundingBox()];
  // The line around it keeps its width.
  expect(close.width / before.width).toBeGreaterThan(3);
  expect(close.x).toBeGreaterThan(frame.x);
  expect(close.x + close.width).toBeLessThan(frame.x + frame.width);
  await dragged(-40, 20);
  const after = await box.boundingBox();
  expect(after.x).toBeCloseTo(close.x - 40, 0);
  expect(after.y).toBeCloseTo(close.y + 20, 0);
  await expect(box).toHaveAccessibleName(/, 12 by 14 pixels$/);
});

test("a job is cancelled while it runs, after the question is answered", async ({ place, visit }) => {
  const { client, page } = await begin({ place, visit });
  await client.api.upload("long.mp4", await clip());
  await page.goto("/manager/jobs");
  await page.getByRole("link", { name: "long.mp4", exact: true }).click();
  await expect(state(page)).toContainText(/Queued|Running/);
  await page.getByRole("button", { name: "Cancel", exact: true }).first().click();
  await confirm(page, "Keep it");
  await expect(state(page)).toContainText(/Queued|Running/);
  await page.getByRole("button", { name: "Cancel", exact: true }).first().click();
  await confirm(page, "Cancel the job");
  await expect(state(page)).toContainText("Was cancelled; there is no result.");
});

test("a result is downloaded, and the files are deleted when one says so", async ({ place, visit }) => {
  const { client, page } = await begin({ place, visit });
  const job = await client.api.upload("pier.jpg");
  expect(await client.api.ended(job)).toBe("Succeeded");
  await page.goto("/manager/jobs");
  await page.getByRole("link", { name: "pier.jpg", exact: true }).click();
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download", exact: true }).click();
  const content = await readFile(await (await download).path());
  expect([...content.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);

  await page.getByRole("button", { name: "Delete files" }).click();
  await confirm(page, "Delete");
  await expect(page.getByRole("link", { name: "Download", exact: true })).toHaveCount(0);
  await expect(page.getByRole("region", { name: "Job", exact: true })).toContainText("deleted");
});

test("what is no picture is refused in words", async ({ place, visit }) => {
  const { page } = await begin({ place, visit });
  await page.goto("/manager/upload");
  const files = [{ name: "notes.jpg", mimeType: "image/jpeg", buffer: Buffer.from("no picture at all") }];
  await page.getByLabel("Choose files").setInputFiles(files);
  await page.getByRole("button", { name: "Upload", exact: true }).click();
  const queue = page.getByRole("list", { name: "Files to be uploaded" });
  await expect(queue.getByRole("listitem")).not.toContainText("17 B");
  await expect(queue.getByRole("listitem")).toContainText(/format|picture/i);
});
