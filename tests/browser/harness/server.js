// A running `sfumato serve` on a free port, with a data folder of its own.
import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { appendFile, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
// Logs of all servers, and what they must not show: `cargo xtask test` searches them afterwards.
const LOGS = join(ROOT, "target/browser-logs");
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

// A port that is free at this moment, for a server that must be known before it runs.
export async function freePort() {
  const listener = createServer();
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  return port;
}

export class Server {
  // Starts one that may call webhooks on loopback. `settings` are further arguments of `serve`, `variables` further variables
  // of the environment; with `passwords: false` nobody is invited to make the first administrator.
  static async start(settings = [], { port = 0, variables = {}, passwords = true } = {}) {
    const server = new Server();
    server.data = await mkdtemp(join(tmpdir(), "sfumato-browser-"));
    server.environment = { ...ENVIRONMENT, ...variables };
    server.invites = passwords;
    server.words = ["serve", "--listen", `127.0.0.1:${port}`, "--allow-private-webhooks", "--data-dir", server.data, ...settings];
    await mkdir(LOGS, { recursive: true });
    await server.begin();
    return server;
  }

  // Starts it again on the same data with further variables of the environment.
  async restart(variables) {
    this.child.kill("SIGTERM");
    await this.ended;
    Object.assign(this.environment, variables);
    this.url = undefined;
    this.invites = false;
    await this.begin();
  }

  begin() {
    this.child = spawn(PROGRAM, this.words, { env: this.environment, stdio: ["ignore", "ignore", "pipe"] });
    this.log = [];
    this.child.stderr.pipe(createWriteStream(join(LOGS, `${basename(this.data)}.log`), { flags: "a" }));
    this.ended = new Promise((resolve) => this.child.once("exit", resolve));
    return this.listening();
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
        this.invited ||= line.includes("makes the first administrator");
        if (!this.url || (this.invites && !this.invited)) return;
        clearTimeout(patience);
        resolve(this.readSetupLink());
      });
    });
  }

  async readSetupLink() {
    if (this.invites) this.setupLink = (await readFile(join(this.data, "setup-link"), "utf8")).trim();
  }

  // Remembers what no log may show.
  async keepSecret(secret) {
    await appendFile(join(LOGS, `${basename(this.data)}.secrets`), `${secret}\n`);
  }

  // Runs `sfumato …` on its data folder and returns what it printed, as JSON.
  async run(words, input = "") {
    const child = spawn(PROGRAM, [...words, "--json", "--data-dir", this.data], { env: this.environment });
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
