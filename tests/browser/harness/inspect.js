// What every page must be, in whatever world it is shown.
import { expect } from "@playwright/test";
import { violations } from "./axe.js";
import { expectTree, keepPicture } from "./golden.js";

const PHONE = { width: 390, height: 844 };
const DESK = { width: 1280, height: 900 };
// More stops than any page has.
const STOPS_MAX = 250;

export const FOR_EVERYBODY = "is for everybody, in light and dark, on a desk and on a phone";

// Opens a page as somebody in a world, and looks at it from all sides.
export async function inspect({ name, as, heading, open }, world, visit) {
  const users = { nobody: undefined, member: world.member };
  const user = as ? users[as] : world.place.administrator;
  const page = await visit(user, { at: world.place, viewport: DESK });
  await open(page, world, visit);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(heading);
  await expectTree(page.getByRole("main"), name);

  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    expect.soft(await violations(page), `axe, ${colorScheme}`).toEqual([]);
    await keepPicture(page, `${name}-${colorScheme}`);
  }
  await stops(page);

  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(PHONE);
  await expect.soft.poll(() => overhanging(page), { message: "what stands out to the side", timeout: 5_000 }).toEqual([]);
  await keepPicture(page, `${name}-phone`);
}

// What makes the page wider than its window.
function overhanging(page) {
  return page.evaluate(() => {
    if (document.documentElement.scrollWidth <= innerWidth) return [];
    const all = [...document.querySelectorAll("main *")];
    const wide = all.filter((element) => element.getBoundingClientRect().right > innerWidth);
    return ["the page", ...wide.map((element) => element.outerHTML.slice(0, 160))];
  });
}

// Goes through the page by the Tab key: every stop shows that it has the focus, and the way ends where it began.
async function stops(page) {
  await page.evaluate(() => document.activeElement?.blur());
  const seen = new Set();
  let last;
  for (let stop = 0; stop < STOPS_MAX; stop += 1) {
    await page.keyboard.press("Tab");
    const here = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return undefined;
      globalThis.stopNumbers ??= new Map();
      if (!stopNumbers.has(element)) stopNumbers.set(element, stopNumbers.size);
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      const stroke = getComputedStyle(element).stroke;
      const isShown = (outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none" || stroke !== "none";
      return { number: stopNumbers.get(element), what: element.outerHTML.slice(0, 160), isShown };
    });
    // A field for a day has several stops in itself.
    if (here?.number === last) continue;
    if (!here || seen.has(here.number)) break;
    last = here.number;
    seen.add(here.number);
    expect.soft(here.isShown, `the focus is seen on ${here.what}`).toBe(true);
  }
  expect(seen.size).toBeGreaterThan(0);
  expect(seen.size, "the way through the page has an end").toBeLessThan(STOPS_MAX);
}
