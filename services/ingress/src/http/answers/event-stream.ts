import type { ClientReading } from "./client-reading.ts";

/** Writes OpenAI's server-sent events to one response. The headers are sent with the first event. */
export class EventStream {
  readonly #reading: ClientReading;
  #begun = false;

  constructor(reading: ClientReading) {
    this.#reading = reading;
  }

  get begun(): boolean {
    return this.#begun;
  }

  /** Sends status and headers. Only the first call has an effect. */
  begin(headers: Readonly<Record<string, string>>): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#reading.response.writeHead(200, {
      ...headers,
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
    });
  }

  /** Waits for a client that reads more slowly than the provider writes, so that no answer accumulates in memory. */
  async send(events: readonly object[]): Promise<void> {
    if (events.length === 0) return;
    await this.#reading.write(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
  }

  async end(): Promise<void> {
    await this.#reading.write("data: [DONE]\n\n");
    await this.#reading.end();
  }

  /** Ends the stream with an error event, because the status is already sent. SDKs raise it as an error. */
  async fail(envelope: object): Promise<void> {
    await this.send([envelope]);
    await this.#reading.end();
  }
}
