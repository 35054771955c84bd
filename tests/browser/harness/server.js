// A running `sfumato serve` on a free port, with a data folder of its own.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const PROGRAM = process.env.SFUMATO_BIN ?? join(ROOT, "target/debug/sfumato");
const ENVIRONMENT = {
  ...process.env,
  SFUMATO_ASSETS_DIR: process.env.SFUMATO_ASSETS_DIR ?? join(ROOT, "assets"),
  // Kept long enough for people to compare and to edit boxes.
  SFUMATO_RETENTION__ORIGINALS: "1d",
  NO_COLOR: "1",
};
// How long a server may take to listen on a slow, busy machine.
const START_MS_MAX = 60_000;

export class Server {
  // Starts one that may call webhooks on loopback; `settings` are further arguments of `serve`.
  static async start(settings = []) {
    const server = new Server();
    server.data = await mkdtemp(join(tmpdir(), "sfumato-browser-"));
    const serve = ["serve", "--listen", "127.0.0.1:0", "--allow-private-webhooks", "--data-dir", server.data, ...settings];
    server.child = spawn(PROGRAM, serve, { env: ENVIRONMENT, stdio: ["ignore", "ignore", "pipe"] });
    server.log = [];
    server.ended = new Promise((resolve) => server.child.once("exit", resolve));
    await server.listening();
    return server;
  }

  // Waits for its address, and for the link that makes the first administrator.
  listening() {
    return new Promise((resolve, reject) => {
      const fail = (why) => reject(new Error(`the server ${why}:\n${this.log.join("\n")}`));
      const patience = setTimeout(fail, START_MS_MAX, "does not listen");
      this.child.once("error", (error) => fail(`does not start (${error.message}); build it first`));
      this.child.once("exit", (status) => fail(`ended with ${status}`));
      createInterface({ input: this.child.stderr }).on("line", (line) => {
        this.log.push(line);
        this.url ??= /listening on (http:\/\/[^\s"]+)/.exec(line)?.[1];
        this.setupLink ??= /(http:\/\/[^\s"]+\/manager\/setup\/[^\s"]+)/.exec(line)?.[1];
        if (!this.url || !this.setupLink) return;
        clearTimeout(patience);
        resolve();
      });
    });
  }

  // Runs `sfumato …` on its data folder and returns what it printed, as JSON.
  async run(words, input = "") {
    const child = spawn(PROGRAM, [...words, "--json", "--data-dir", this.data], { env: ENVIRONMENT });
    const text = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"]) child[stream].on("data", (chunk) => (text[stream] += chunk));
    child.stdin.end(input);
    const status = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
    if (status !== 0) throw new Error(`sfumato ${words.join(" ")} ended with ${status}:\n${text.stderr}`);
    return JSON.parse(text.stdout);
  }

  async stop() {
    this.child.kill("SIGTERM");
    await this.ended;
    await rm(this.data, { recursive: true, force: true });
  }
}
