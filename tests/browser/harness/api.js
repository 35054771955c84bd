// A client of the API, as thin as a customer's: it brings about what the pages then show.
import { readFile } from "node:fs/promises";
import { expect } from "@playwright/test";

const UPLOADS = "/innovation-service/anonymization";

// A picture of the repository with one face.
export const PICTURE = new URL("../../fixtures/astronaut.jpg", import.meta.url);

export class Api {
  static async logIn(url, { clientId, secretId }) {
    const api = new Api();
    api.url = url;
    const { token } = await api.send("/login", "POST", { clientId, secretId });
    api.token = token;
    return api;
  }

  async send(path, method = "GET", json) {
    const headers = this.token ? { Authorization: `Bearer ${this.token}` } : {};
    const isForm = json instanceof FormData;
    if (json && !isForm) headers["Content-Type"] = "application/json";
    const body = isForm ? json : json && JSON.stringify(json);
    const answer = await fetch(this.url + path, { method, headers, body });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  // Uploads a picture, or other content, and returns the identifier of its job.
  async upload(name, content, options = {}) {
    const form = new FormData();
    for (const [option, value] of Object.entries(options)) form.append(option, value);
    form.append("input_media", new Blob([content ?? (await readFile(PICTURE))]), name);
    return (await this.send(UPLOADS, "POST", form)).anonymization_job_id;
  }

  // Waits until a job has ended, and returns how.
  async ended(job) {
    const status = async () => (await this.send(`${UPLOADS}?anonymization_job_id=${job}`)).status;
    await expect.poll(status, { timeout: 60_000 }).toMatch(/^(Succeeded|Failed|Revoked)$/);
    return status();
  }

  // Adds a webhook endpoint and returns its object.
  endpoint(hook, description) {
    return this.send("/webhook-url", "POST", { webhookUrl: hook.url, description });
  }
}
