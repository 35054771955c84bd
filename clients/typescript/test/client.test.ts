// Against a running server: see clients/README.md for the variables.
import assert from "node:assert/strict";
import { openAsBlob } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { Webhook } from "standardwebhooks";
import { ApiError, Sfumato, checked } from "../src/index.js";

const { SFUMATO_URL: url, SFUMATO_CLIENT_ID: clientId, SFUMATO_SECRET_ID: secretId, SFUMATO_PICTURE: picture } = process.env;
assert(url && clientId && secretId && picture, "SFUMATO_URL, SFUMATO_CLIENT_ID, SFUMATO_SECRET_ID and SFUMATO_PICTURE are needed");

const sfumato = new Sfumato(url, { clientId, secretId });
type Received = { headers: IncomingHttpHeaders; body: string };
const received: Received[] = [];
const waiting = new Set<() => void>();

const receiver = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  received.push({ headers: request.headers, body });
  response.writeHead(200, { "Content-Type": "application/json" });
  response.end(JSON.stringify({ taskId: JSON.parse(body).taskId }));
  for (const wake of waiting) wake();
});

before(() => new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve)));
after(() => receiver.close());

test("a picture is uploaded, waited for and downloaded", async () => {
  const id = await sfumato.anonymize(await openAsBlob(picture), "photo.jpg", {
    output_detections_url: true,
    activation_plates_blur: false,
    blur_type: { anonymization_type: "pixelate", num_pixels: 6 },
    excluded_area: [[[0, 0], [0.1, 0], [0, 0.1]]],
  });
  const job = await sfumato.ended(id, { everyMs: 100 });
  assert.equal(job.status, "Succeeded", job.error);
  const content = Buffer.from(await (await sfumato.download(job.output_media!)).arrayBuffer());
  assert.deepEqual([...content.subarray(0, 2)], [0xff, 0xd8]);
  const found = (await (await sfumato.download(job.output_json!)).json()) as { detections: { class: string; hidden: boolean }[] };
  assert.deepEqual(
    found.detections.map((detection) => [detection.class, detection.hidden]),
    [["face", true]],
  );
});

test("what the server refuses is an exception with its message", async () => {
  const refused = sfumato.anonymize(await openAsBlob(picture), "photo.jpg", { face_threshold: 2 });
  await assert.rejects(refused, (error) => error instanceof ApiError && error.status === 400 && /face_threshold/.test(error.message));
  const stranger = new Sfumato(url, { clientId, secretId: "secret_wrong" });
  await assert.rejects(stranger.token(), (error) => error instanceof ApiError && error.status === 401);
  assert.equal((await sfumato.job("nothing")).status, "Unknown job");
});

test("webhooks arrive in order and are signed", async () => {
  const { port } = receiver.address() as AddressInfo;
  const endpoint = checked(
    await sfumato.routes.POST("/webhook-url", { body: { webhookUrl: `http://127.0.0.1:${port}/hook` } }),
  );
  const params = { path: { uuid: endpoint.uuid } };
  const { signingSecret } = checked(await sfumato.routes.GET("/webhook-url/{uuid}/signing-secret", { params }));
  const id = await sfumato.anonymize(await openAsBlob(picture), "photo.jpg");
  const ofJob = () => received.filter(({ body }) => JSON.parse(body).taskId === id);
  await until(() => ofJob().some(({ body }) => JSON.parse(body).status === "Succeeded"));
  const webhook = new Webhook(signingSecret);
  for (const { headers, body } of ofJob()) {
    assert.equal(headers["x-auth-token"], endpoint.webhookToken);
    webhook.verify(body, headers as Record<string, string>);
    assert.throws(() => webhook.verify(body.replace(id, "another"), headers as Record<string, string>));
  }
  assert.deepEqual(
    ofJob().map(({ body }) => JSON.parse(body).status),
    ["Sent", "Started", "Succeeded"],
  );
  checked(await sfumato.routes.DELETE("/webhook-url/{uuid}", { params }));
});

// Waits for a request after which something holds.
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await new Promise<void>((resolve) => {
      const wake = () => {
        waiting.delete(wake);
        resolve();
      };
      waiting.add(wake);
    });
  }
}
