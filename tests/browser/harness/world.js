// A server on which a little has happened, always the same: what the pages show in their goldens.
import { readFile } from "node:fs/promises";
import { PICTURE } from "./api.js";
import { Place } from "./place.js";
import { expect } from "@playwright/test";

export async function makeWorld() {
  const place = await Place.open();
  const client = await place.client("Harbour cameras");
  const member = await place.user("bob@example.com", client);
  const hook = place.sink.hook("archive");
  await client.api.endpoint(hook, "Archive");
  const picture = await readFile(PICTURE);
  // One after the other, so that their events have one order.
  await client.api.upload("quay.jpg", picture, { output_detections_url: "true" });
  await expect.poll(() => hook.received.length, { timeout: 60_000 }).toBe(3);
  await client.api.upload("torn.jpg", picture.subarray(0, 2_000));
  await expect.poll(() => hook.received.length, { timeout: 60_000 }).toBe(6);
  return { place, client, member };
}
