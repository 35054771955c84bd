import { expect, test } from "../harness/test.js";

// Presses a key until what is looked for has the focus.
async function reach(page, target, key = "Tab") {
  for (let step = 0; step < 100; step += 1) {
    await page.keyboard.press(key);
    if (await target.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error("the keyboard does not lead there");
}

test("the first stop of a page leads past its navigation", async ({ page }) => {
  await page.goto("/manager/users");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
  await page.keyboard.press("Tab");
  const isInside = () => page.getByRole("main").evaluate((main) => main.contains(document.activeElement));
  expect(await isInside()).toBe(true);
});

test("a job is found, its boxes are edited, and it is rendered again without a mouse", async ({ visit, place }) => {
  const client = await place.client();
  const page = await visit(await place.user("keys@example.com", client));
  const job = await client.api.upload("keys.jpg", undefined, { output_detections_url: "true" });
  expect(await client.api.ended(job)).toBe("Succeeded");
  await page.goto("/manager");
  const menu = page.getByRole("navigation", { name: "Main" });
  await reach(page, menu.getByRole("link", { name: "Jobs" }));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Jobs");
  await reach(page, page.getByRole("link", { name: "keys.jpg", exact: true }));
  await page.keyboard.press("Enter");

  const divider = page.getByRole("slider", { name: "Divider between original and result" });
  await reach(page, divider);
  await page.keyboard.press("ArrowRight");
  await expect(divider).toHaveAttribute("aria-valuetext", "51 % original");
  await reach(page, page.getByRole("link", { name: "Edit boxes" }), "Shift+Tab");
  await page.keyboard.press("Enter");

  await reach(page, page.getByRole("button", { name: "Add a box" }));
  await page.keyboard.press("Enter");
  const box = page.getByRole("group", { name: "Boxes on the original" }).getByRole("button", { name: /^New box 1/ });
  await expect(box).toBeFocused();
  const place_of = () => box.getAttribute("aria-label");
  const before = await place_of();
  await page.keyboard.press("Shift+ArrowRight");
  expect(await place_of()).not.toBe(before);
  await page.keyboard.press("Alt+ArrowDown");
  await reach(page, page.getByRole("button", { name: "Render again" }));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("region", { name: "Jobs on this original" })).toBeVisible();
});

test("a question holds the focus, and Escape takes it back to where it came from", async ({ page }) => {
  await page.goto("/manager/account");
  const button = page.getByRole("button", { name: "Sign out everywhere" });
  await button.focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await expect(dialog).toBeVisible();
  const isInside = () => dialog.evaluate((element) => element.contains(document.activeElement));
  expect(await isInside()).toBe(true);
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(button).toBeFocused();
});
