// Where a test takes place: a server with an administrator, and a receiver of its webhooks.
import { Api } from "./api.js";
import { Server } from "./server.js";
import { Sink } from "./sink.js";

// Nobody's in earnest: all data is made for a test and goes with it.
export const PASSWORD = "a lighthouse in light fog";
export const ADMINISTRATOR = "ada@example.com";

export class Place {
  static async open(settings, options) {
    const place = new Place();
    place.sink = await Sink.start();
    place.server = await Server.start(settings, options);
    place.url = place.server.url;
    place.administrator = await place.user(ADMINISTRATOR);
    place.count = 0;
    return place;
  }

  // A name that nothing else has in this place.
  name(what) {
    this.count += 1;
    return `${what} ${this.count}`;
  }

  // Makes a user with a password; with a client, a member of it.
  async user(name, client) {
    const role = client ? ["--client", client.clientId] : [];
    await this.server.run(["user", "create", name, ...role, "--password-file", "-"], PASSWORD);
    await this.server.keepSecret(PASSWORD);
    return { name, password: PASSWORD };
  }

  // Makes a client of the API, logged in.
  async client(name = this.name("Client")) {
    const made = await this.server.run(["client", "create", "--name", name]);
    await this.server.keepSecret(made.secretId);
    const client = { name, clientId: made.clientId, secretId: made.secretId };
    client.api = await Api.logIn(this.url, client);
    return client;
  }

  async close() {
    await this.server.stop();
    await this.sink.stop();
  }
}
