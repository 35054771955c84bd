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
  const endpoint = await client.api.endpoint(hook, "Archive");
  const refusing = place.sink.hook("ledger");
  refusing.refusals = Number.POSITIVE_INFINITY;

  const picture = await readFile(PICTURE);
  const job = await client.api.upload("quay.jpg", picture, { output_detections_url: "true" });
  const failed = await client.api.upload("torn.jpg", picture.subarray(0, 2_000));
  expect(await client.api.ended(job)).toBe("Succeeded");
  expect(await client.api.ended(failed)).toBe("Failed");
  await expect.poll(() => hook.received.length, { timeout: 60_000 }).toBe(6);
  // Added last, so that its deliveries are few.
  const troubled = await client.api.endpoint(refusing, "Ledger");
  return { place, client, member, endpoint, troubled, job, failed };
}
