// The calls of BlurIt's official Node.js client, one by one, as they go over the wire: the same routes, bodies, field names
// and encodings, against a running server (see clients/README.md for the variables). What it reads of the answers is what is
// looked at here.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { before, test } from "node:test";

const { SFUMATO_URL: url, SFUMATO_CLIENT_ID: clientId, SFUMATO_SECRET_ID: secretId, SFUMATO_PICTURE: picture } = process.env;
let login;

// `request` of the client: success is a status below 300, JSON is sent for objects, forms as they are.
async function request(path, { method, data, bearer = true, raw = false }) {
  const headers = bearer ? { Authorization: `Bearer ${login.token}` } : {};
  const isForm = data instanceof FormData;
  if (data && !isForm) headers["Content-Type"] = "application/json";
  const answer = await fetch(url + path, { method, headers, body: isForm ? data : data && JSON.stringify(data) });
  assert(answer.status < 300, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  if (raw) return Buffer.from(await answer.arrayBuffer());
  const text = await answer.text();
  return text ? JSON.parse(text) : undefined;
}

// `appendFormData`: objects become bracketed fields, absent members none.
function append(form, value, name) {
  if (value === undefined || value === null) return;
  if (typeof value !== "object" || value instanceof Blob) return form.append(name, value);
  for (const [member, inner] of Object.entries(value)) append(form, inner, name ? `${name}[${member}]` : member);
}

// `createJobFromBuffer`: the file first, then the options.
function createJob(buffer, filename, options) {
  const form = new FormData();
  form.append("input_media", new Blob([buffer], { type: "image/jpeg" }), filename);
  if (options) append(form, options);
  return request("/innovation-service/anonymization", { method: "POST", data: form });
}

const getJobStatus = (id) => request(`/innovation-service/anonymization?anonymization_job_id=${id}`, { method: "GET" });
const getResultFile = (name) => request(`/innovation-service/result/${name}`, { method: "GET", raw: true });

async function ended(id) {
  for (;;) {
    const job = await getJobStatus(id);
    if (!["Sent", "Started"].includes(job.status)) return job;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

before(async () => {
  login = await request("/login", { method: "POST", data: { clientId, secretId }, bearer: false });
});

test("login and refresh answer with the three members that are kept", async () => {
  assert.equal(typeof login.token, "string");
  assert.equal(login.expireTime, 3600);
  login = await request("/token", { method: "POST", data: { refreshToken: login.refreshToken } });
  assert.match(login.refreshToken, /^rt_/);
});

test("a job with every option in brackets ends with a result under the last part of its address", async () => {
  const { anonymization_job_id: id } = await createJob(await readFile(picture), "image.jpg", {
    activation_faces_blur: true,
    activation_plates_blur: true,
    output_detections_url: true,
    included_area: { top: 0, bottom: 1, left: 0, right: 1 },
    blur_type: { anonymization_type: "pixelate", smooth_padding: 0.1, hex_color: undefined, num_pixels: 10 },
  });
  assert.match(id, /-SRV_ANONYMIZATION-/);
  const job = await ended(id);
  assert.equal(job.status, "Succeeded", job.error);
  // The client has no method for an address: its users cut the name off.
  const media = await getResultFile(job.output_media.split("/").pop());
  assert.deepEqual([...media.subarray(0, 2)], [0xff, 0xd8]);
  const detections = JSON.parse(await getResultFile(job.output_json.split("/").pop()));
  assert.equal(detections.detections.length, 1);
});

test("a job without options hides faces and plates", async () => {
  const { anonymization_job_id: id } = await createJob(await readFile(picture), "image.jpg");
  const job = await ended(id);
  assert.equal(job.status, "Succeeded", job.error);
  assert.equal(job.output_json, undefined);
});

test("a job that nobody knows is answered with success", async () => {
  assert.equal((await getJobStatus("00000000-SRV_ANONYMIZATION-000000000000")).status, "Unknown job");
});

test("webhooks are made, listed, changed, tried and removed", async () => {
  const receiver = createServer(async (incoming, response) => {
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const { taskId } = JSON.parse(Buffer.concat(chunks));
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ taskId }));
  });
  await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${receiver.address().port}`;
  const made = await request("/webhook-url", { method: "POST", data: { webhookUrl: `${address}/a` } });
  const members = ["active", "createdAt", "updatedAt", "uuid", "webhookToken", "webhookUrl"];
  assert.deepEqual(Object.keys(made).sort(), members);
  const all = await request("/webhook-url/get-many", { method: "GET" });
  assert.deepEqual(all, [made]);
  const changed = await request(`/webhook-url/${made.uuid}`, { method: "PUT", data: { webhookUrl: `${address}/b` } });
  assert.equal(changed.webhookUrl, `${address}/b`);
  const tried = await request(`/webhook-url/test/${made.uuid}`, { method: "POST" });
  assert.equal(tried.kept, true, tried.explanation);
  await request(`/webhook-url/${made.uuid}`, { method: "DELETE" });
  assert.deepEqual(await request("/webhook-url/get-many", { method: "GET" }), []);
  receiver.close();
  receiver.closeAllConnections();
});
