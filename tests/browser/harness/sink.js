// A webhook receiver that keeps what it gets and answers as it is told.
import { createServer } from "node:http";

export class Sink {
  static async start() {
    const sink = new Sink();
    sink.hooks = new Map();
    sink.server = createServer((request, response) => sink.receive(request, response));
    await new Promise((resolve) => sink.server.listen(0, "127.0.0.1", resolve));
    sink.origin = `http://127.0.0.1:${sink.server.address().port}`;
    return sink;
  }

  // A place of its own for one endpoint: answers by the contract, with 503 as many times as `refusals` says, or with 410 once
  // it is `gone`.
  hook(name) {
    const hook = { url: `${this.origin}/${name}`, received: [], refusals: 0, gone: false };
    this.hooks.set(`/${name}`, hook);
    return hook;
  }

  async receive(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const hook = this.hooks.get(request.url);
    if (!hook) return response.writeHead(404).end();
    const body = JSON.parse(Buffer.concat(chunks).toString());
    if (hook.gone) return response.writeHead(410).end();
    if (hook.refusals > 0) {
      hook.refusals -= 1;
      return response.writeHead(503, { "Content-Type": "text/plain" }).end("come back later");
    }
    hook.received.push({ headers: request.headers, body });
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ taskId: body.taskId }));
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
