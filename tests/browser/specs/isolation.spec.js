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

  // An administrator sees both.
  await page.goto("/manager/jobs");
  for (const { name } of sides) await expect(page.getByRole("link", { name: `${name}.jpg`, exact: true })).toBeVisible();
});
