import { once } from "node:events";
import type { ServerResponse } from "node:http";

/** OpenAI's server-sent events on one response. Headers go out with the first event. */
export class EventStream {
  readonly #response: ServerResponse;
  #begun = false;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  get begun(): boolean {
    return this.#begun;
  }

  /** Once; later calls change nothing. */
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

  /** Waits for a reader that is slower than the provider, so that no answer piles up here. */
  async send(events: readonly object[]): Promise<void> {
    if (events.length === 0) return;
    await this.#write(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
  }

  async end(): Promise<void> {
    await this.#write("data: [DONE]\n\n");
    this.#response.end();
  }

  /** After the first token a status can no longer be sent; SDKs raise this event as an error. */
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
