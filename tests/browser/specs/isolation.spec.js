import { expect, test } from "../harness/test.js";

test("two members see nothing of each other", async ({ page, visit, place }) => {
  const sides = [];
  for (const name of ["Lighthouse", "Windmill"]) {
    const client = await place.client(name);
    const endpoint = await client.api.endpoint(place.sink.hook(name), `Hook of ${name}`);
    const job = await client.api.upload(`${name}.jpg`);
    expect(await client.api.ended(job)).toBe("Succeeded");
    const member = await place.user(`${name.toLowerCase()}@example.com`, client);
    sides.push({ name, client, endpoint, job, page: await visit(member) });
  }

  // Every address that a member's own pages lead to is no address for the other.
  for (const [own, other] of [sides, sides.toReversed()]) {
    const addresses = new Set();
    for (const path of ["/manager/jobs", "/manager/developer", "/manager/settings", "/manager"]) {
      await own.page.goto(path);
      const text = await own.page.getByRole("main").textContent();
      expect(text, path).not.toContain(other.name);
      for (const link of await own.page.getByRole("main").getByRole("link").all()) {
        const address = await link.getAttribute("href");
        if (/[\da-f]{8}-[\da-f]{4}|[\dA-Z]{26}/i.test(address)) addresses.add(address.split("#")[0]);
      }
    }
    expect(addresses.size).toBeGreaterThanOrEqual(2);
    for (const address of addresses) {
      const mine = await own.page.request.get(address);
      expect(mine.status(), `${address} for its owner`).toBe(200);
      const theirs = await other.page.request.get(address);
      expect(theirs.status(), `${address} for a stranger`).toBe(404);
      expect(await theirs.text()).not.toContain(own.name);
    }
  }

  // Nor does any form of them do anything for the other, with a token of the other's own session.
  const before = await Promise.all(sides.map(standing));
  for (const [own, other] of [sides, sides.toReversed()]) {
    const forms = await formsOf(own);
    expect(forms.length).toBeGreaterThanOrEqual(12);
    await other.page.goto("/manager/account");
    const token = await other.page.locator('meta[name="csrf-token"]').getAttribute("content");
    for (const { action, fields } of forms) {
      const answer = await other.page.request.post(action, {
        form: { ...fields, csrf: token },
        headers: { Origin: new URL(place.url).origin },
        maxRedirects: 0,
      });
      expect(answer.status(), `POST ${action} for a stranger`).toBe(404);
    }
  }
  expect(await Promise.all(sides.map(standing))).toEqual(before);

  // An administrator sees both.
  await page.goto("/manager/jobs");
  for (const { name } of sides) await expect(page.getByRole("link", { name: `${name}.jpg`, exact: true })).toBeVisible();
});

// What a stranger's forms would change: the client's endpoints with their settings and tokens, and its jobs.
async function standing({ client, job }) {
  const endpoints = await client.api.send("/webhook-url/get-many");
  const { status } = await client.api.send(`/innovation-service/anonymization?anonymization_job_id=${job}`);
  return { endpoints, status };
}

// Every form that changes something on the pages of a member, about something that has a name of its own.
async function formsOf({ page }) {
  const seen = new Map();
  const visited = new Set();
  const waiting = ["/manager/jobs", "/manager/developer"];
  while (waiting.length > 0) {
    const path = waiting.pop();
    if (visited.has(path)) continue;
    visited.add(path);
    await page.goto(path);
    const found = await page.getByRole("main").evaluate((main) => ({
      links: [...main.querySelectorAll("a[href]")].filter((link) => !link.hasAttribute("download")).map((link) => link.pathname),
      forms: [...main.querySelectorAll('form[method="post"]')].map((form) => ({
        action: form.getAttribute("action"),
        fields: Object.fromEntries([...new FormData(form)].filter(([, value]) => typeof value === "string")),
      })),
    }));
    const named = /[\da-f]{8}-[\da-f]{4}|[\dA-Z]{26}/i;
    for (const form of found.forms.filter(({ action }) => named.test(action))) seen.set(form.action, form);
    const pages = found.links.filter((link) => link.startsWith("/manager/") && named.test(link));
    waiting.push(...pages.filter((link) => !/\/(result|original|download)\b/.test(link)));
  }
  return [...seen.values()];
}
