// A client of Sfumato: the routes and types of the API, and what every program does with them.
import createClient, { type Client, type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type { components, paths };
export type Credentials = components["schemas"]["LoginRequest"];
export type Job = components["schemas"]["JobStatus"];
export type JobOptions = Partial<Omit<components["schemas"]["AnonymizationForm"], "input_media">>;

// Tokens are renewed this much before they run out.
const RENEWAL_MS = 60_000;

// An answer other than success, with what the server said.
export class ApiError extends Error {
  override name = "ApiError";
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(`${status}: ${message}`);
  }
}

export class Sfumato {
  // Every route, typed, with the access token in place.
  readonly routes: Client<paths>;
  readonly #credentials: Credentials;
  #token: { value: string; until: number } | undefined;

  constructor(
    readonly url: string,
    credentials: Credentials,
  ) {
    this.#credentials = credentials;
    this.routes = createClient<paths>({ baseUrl: url });
    const authorize: Middleware = {
      onRequest: async ({ request, schemaPath }) => {
        if (schemaPath !== "/login") request.headers.set("Authorization", `Bearer ${await this.token()}`);
        return request;
      },
      onResponse: ({ response }) => {
        // Revoked before its time: the next request logs in.
        if (response.status === 401) this.#token = undefined;
      },
    };
    this.routes.use(authorize);
  }

  // The access token, of a login that is made where there is none.
  async token(): Promise<string> {
    if (!this.#token || this.#token.until < Date.now()) {
      const login = checked(await this.routes.POST("/login", { body: this.#credentials }));
      this.#token = { value: login.token, until: Date.now() + login.expireTime * 1000 - RENEWAL_MS };
    }
    return this.#token.value;
  }

  // Uploads a file and returns the identifier of its job. A blob of `openAsBlob` is streamed from disk.
  async anonymize(file: Blob, name: string, options: JobOptions = {}): Promise<string> {
    const form = new FormData();
    for (const [field, value] of Object.entries(options)) {
      if (value != null) form.append(field, typeof value === "object" ? JSON.stringify(value) : String(value));
    }
    form.append("input_media", file, name);
    const made = checked(
      await this.routes.POST("/innovation-service/anonymization", {
        body: { input_media: "" },
        bodySerializer: () => form,
      }),
    );
    return made.anonymization_job_id;
  }

  async job(id: string): Promise<Job> {
    const query = { anonymization_job_id: id };
    return checked(await this.routes.GET("/innovation-service/anonymization", { params: { query } }));
  }

  // Asks until the job has ended, in whatever way; `signal` ends the asking.
  async ended(id: string, { everyMs = 1000, signal }: { everyMs?: number; signal?: AbortSignal } = {}): Promise<Job> {
    for (;;) {
      signal?.throwIfAborted();
      const job = await this.job(id);
      if (!["Sent", "Started", "Retried"].includes(job.status)) return job;
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  // The content of a result, to be read as a stream, a blob or JSON.
  async download(result: string): Promise<Response> {
    const answer = await fetch(new URL(result, this.url), { headers: { Authorization: `Bearer ${await this.token()}` } });
    if (!answer.ok) throw new ApiError(answer.status, messageOf(await answer.json()));
    return answer;
  }
}

// What a route answered, or an exception with the server's message.
export function checked<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined && !answer.response.ok) {
    throw new ApiError(answer.response.status, messageOf(answer.error));
  }
  return answer.data as T;
}

function messageOf(error: unknown): string {
  return (error as { message?: string } | undefined)?.message ?? "the answer has no message";
}
