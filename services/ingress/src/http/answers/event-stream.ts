import { once } from "node:events";
import type { ServerResponse } from "node:http";

/** Writes OpenAI's server-sent events to one response. The headers are sent with the first event. */
export class EventStream {
  readonly #response: ServerResponse;
  #begun = false;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  get begun(): boolean {
    return this.#begun;
  }

  /** Sends status and headers. Only the first call has an effect. */
  begin(headers: Readonly<Record<string, string>>): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#response.writeHead(200, {
      ...headers,
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      connection: "keep-alive",
    });
  }

  /** Waits for a client that reads more slowly than the provider writes, so that no answer accumulates in memory. */
  async send(events: readonly object[]): Promise<void> {
    if (events.length === 0) return;
    await this.#write(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
  }

  async end(): Promise<void> {
    await this.#write("data: [DONE]\n\n");
    this.#response.end();
  }

  /** Ends the stream with an error event, because the status is already sent. SDKs raise it as an error. */
  async fail(envelope: object): Promise<void> {
    await this.send([envelope]);
    this.#response.end();
  }

  async #write(text: string): Promise<void> {
    const response = this.#response;
    if (response.destroyed || response.write(text)) return;
    await Promise.race([once(response, "drain"), once(response, "close")]);
  }
}
