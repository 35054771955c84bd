// How the browser tests run: Debian's Chromium, one server a worker, English and UTC, so that what is shown does not depend
// on the machine.
import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "specs",
  outputDir: "test-results",
  forbidOnly: true,
  // Two files at a time, each against a server of its own; more would only make the machine wait for itself.
  workers: 2,
  // On a machine whose cores are busy a page may come late once. What passes only then is called flaky at the end.
  retries: 1,
  // Bounds for a slow, busy machine: they end what hangs, and nothing waits for them.
  timeout: 120_000,
  expect: { timeout: 30_000 },
  reporter: [["list"]],
  use: {
    browserName: "chromium",
    locale: "en-GB",
    timezoneId: "UTC",
    viewport: { width: 1280, height: 900 },
    contextOptions: { reducedMotion: "reduce" },
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.SFUMATO_CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--lang=en-GB",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        // What a page asks of another host fails here, and is seen by the harness, which fails the test.
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
      ],
    },
  },
});
