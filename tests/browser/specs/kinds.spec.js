// Pages of what is rarer than a picture, or in trouble: a video with tracks, an archive, an endpoint that is held.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { PICTURE } from "../harness/api.js";
import { archive } from "../harness/archive.js";
import { face } from "../harness/clip.js";
import { FOR_EVERYBODY, inspect } from "../harness/inspect.js";
import { Place } from "../harness/place.js";
import { expect, test as base } from "../harness/test.js";

const test = base.extend({
  kinds: [
    async ({}, use) => {
      const place = await Place.open();
      const client = await place.client("Ferry");
      const hook = place.sink.hook("bridge");
      hook.gone = true;
      const endpoint = await client.api.endpoint(hook, "Bridge");
      const files = {
        "crossing.mp4": await face(fileURLToPath(PICTURE)),
        "deck.zip": archive({ "port.jpg": await readFile(PICTURE), "log.txt": Buffer.from("nothing to see") }),
      };
      // One after the other, so that what happens has one order.
      for (const [name, content] of Object.entries(files)) {
        const job = await client.api.upload(name, content, { output_detections_url: "true" });
        expect(await client.api.ended(job), name).toBe("Succeeded");
      }
      await expect.poll(async () => (await client.api.send(`/webhook-url/${endpoint.uuid}`)).state).toBe("held");
      await use({ place, client });
      await place.close();
    },
    { scope: "worker" },
  ],
});

async function job(page, name) {
  await page.goto("/manager/jobs");
  await page.getByRole("link", { name, exact: true }).first().click();
}

const KINDS = [
  {
    name: "job-video",
    heading: "crossing.mp4",
    open: async (page) => {
      await job(page, "crossing.mp4");
      // The player and the list of tracks fill in what they have loaded.
      await expect(page.getByRole("group", { name: "Player" })).toContainText(/0:02\.0/);
      await expect(page.locator("summary", { hasText: /Tracks\s*\(1\)/ })).toBeVisible();
    },
  },
  {
    name: "review-video",
    heading: "Edit tracks",
    open: async (page) => {
      await job(page, "crossing.mp4");
      await page.getByRole("link", { name: "Edit boxes" }).click();
    },
  },
  { name: "job-archive", heading: "deck.zip", open: (page) => job(page, "deck.zip") },
  {
    name: "endpoint-held",
    heading: "Bridge",
    open: async (page) => {
      await page.goto("/manager/developer");
      await page.getByRole("link", { name: "Ferry", exact: true }).click();
      await page.getByRole("link", { name: "Bridge", exact: true }).click();
    },
  },
];

for (const shown of KINDS) {
  test(`${shown.name}: ${FOR_EVERYBODY}`, ({ visit, kinds }) => inspect(shown, kinds, visit));
}

test("a box that is added to a video moves from its beginning to its end", async ({ visit, kinds }) => {
  const { place } = kinds;
  const page = await visit(place.administrator, { at: place });
  await job(page, "crossing.mp4");
  await page.getByRole("link", { name: "Edit boxes" }).click();
  await page.getByRole("button", { name: "Add a box" }).click();
  const row = page.getByRole("listitem").filter({ hasText: "New box 1" });
  const fill = async (values) => {
    for (const [label, value] of Object.entries(values)) await row.getByLabel(label, { exact: true }).fill(value);
  };
  await fill({ "From (s)": "0", "To (s)": "1", "Left (px)": "10", "Top (px)": "20", "Width (px)": "40", "Height (px)": "40" });
  await row.getByRole("button", { name: "It moves" }).click();
  await expect(row.getByLabel("Left at the end (px)")).toHaveValue("10");
  await fill({ "Left at the end (px)": "210" });
  // In between it is drawn where it will be hidden.
  await page.locator("video").evaluate((video) => (video.currentTime = 0.5));
  await expect.poll(() => page.locator(".review-box.is-selected rect").getAttribute("x").then(Number)).toBeCloseTo(110, -1);
  await page.getByRole("button", { name: "Render again" }).click();
  const state = page.getByRole("region", { name: "Status" });
  await expect(state).toContainText("Succeeded", { timeout: 60_000 });
  await page.locator("summary", { hasText: "Tracks" }).click();
  await expect(page.getByRole("region", { name: "List of tracks" })).toContainText("by hand");
});
