// What a page shows, kept in the repository to be read in a diff; SFUMATO_BLESS=1 writes it anew.
import { access, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "@playwright/test";
import { ROOT } from "./server.js";

const BLESS = process.env.SFUMATO_BLESS === "1";
const file = (folder, name) => fileURLToPath(new URL(`../${folder}/${name}`, import.meta.url));

// What differs from run to run and from machine to machine.
const VARYING = [
  [ROOT, "ROOT/"],
  [/\/[\w/.-]*sfumato-browser-\w+/g, "FOLDER"],
  [/\b(whsec|wis-\w+|client|secret)_[\w+/=-]{8,}/g, "$1_…"],
  [/\b[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}\b/gi, "ID"],
  [/(\bID-SRV_ANONYMIZATION-)?\b0[\dA-Za-z]{21}\b/g, "JOB"],
  [/\bv1,[\w+/]+=*/g, "SIGNATURE"],
  [/"\d{10}"/g, "SECONDS"],
  [/\b[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} [\d:]{8} GMT/g, "TIME"],
  [/\bSfumato\/[\d.]+/g, "Sfumato/VERSION"],
  [/(Granted by the kernel: ).*?(\."?$)/gm, "$1LAYERS$2"],
  [/\broom for \d+ pictures? and \d+ videos? or archives?/g, "room for PICTURES and LONG JOBS"],
  [/127\.0\.0\.1:\d+/g, "HOST"],
  [/\b\d{1,2} [A-Z][a-z]{2,3} \d{4}, \d{2}:\d{2}(:\d{2})?/g, "TIME"],
  [/\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?( UTC|Z)?/g, "TIME"],
  [/\b\d{4}-\d{2}-\d{2}\b/g, "DAY"],
  [/\b\d{2}:\d{2}(:\d{2})?\b/g, "TIME"],
  [/\bjust now\b|\b\d+ (second|minute|hour)s? ago\b/g, "AGO"],
  [/(< )?(\b\d+ min \d+ s\b|\b\d+(\.\d+)? (ms|s)\b)/g, "DURATION"],
  // A connection that was kept needs neither.
  [/\b(Name resolution|Connection) DURATION /g, ""],
  [/\b\d+(\.\d+)? (B|kB|MB|GB)\b/g, "SIZE"],
  [/\b\d+(\.\d+)? ?%/g, "PERCENT"],
  [/\b\d+, \d+, \d+ by \d+ pixels/g, "PLACE"],
];

// Rows of a chart's table: how many there are, and which one is not empty, depends on the hour.
const CHART_ROWS = /^( *)- row "TIME( \d+| DURATION)+":\n(\1 +.*\n)+/gm;

// Compares the accessibility tree of a part of a page with its golden.
export async function expectTree(part, name) {
  const path = file("aria", `${name}.yml`);
  const whole = VARYING.reduce((text, [what, word]) => text.replaceAll(what, word), `${await part.ariaSnapshot()}\n`);
  const tree = whole.replaceAll(CHART_ROWS, "");
  if (BLESS) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, tree);
  }
  expect(tree, `aria/${name}.yml; SFUMATO_BLESS=1 rewrites it`).toBe(await readFile(path, "utf8"));
}

// Keeps a picture of the whole page for review. Pixels are not compared: fonts differ from machine to machine.
export async function keepPicture(page, name) {
  const path = file("screenshots", `${name}.jpg`);
  // What can be shown has been fetched and drawn.
  await page.evaluate(() => Promise.all([...document.images].map((image) => image.decode().catch(() => {}))));
  if (BLESS) {
    // A window as high as the page, so that what hangs on the window's edges does not stand in the middle.
    const { width, height } = page.viewportSize();
    const whole = await page.evaluate(() => document.documentElement.scrollHeight);
    await page.setViewportSize({ width, height: Math.max(height, whole) });
    await page.screenshot({ path, type: "jpeg", quality: 80, animations: "disabled" });
    await page.setViewportSize({ width, height });
  }
  await expect(access(path), `screenshots/${name}.jpg is missing; SFUMATO_BLESS=1 writes it`).resolves.toBeUndefined();
}
