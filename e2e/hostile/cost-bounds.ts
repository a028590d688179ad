import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

interface Answer {
  readonly requestId: string;
  readonly status: number;
  readonly text: string;
}

const connections = 24;

/**
 * Asks for each chat with a limit that it cannot keep, reads its worst case in the refusal, and asks again
 * with exactly that limit. What then costs more was not in the worst case.
 */
export class CostBounds {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: connections });
  readonly #accepted = new Map<string, bigint>();
  readonly #unexpected: string[] = [];

  constructor(
    private readonly http: string,
    private readonly apiKey: string,
  ) {}

  /** The bounds in nano-USD of the requests that were accepted, by request id. */
  get accepted(): ReadonlyMap<string, bigint> {
    return this.#accepted;
  }

  get unexpected(): readonly string[] {
    return this.#unexpected;
  }

  /** Sends the chats at an even rate, as far as the connections suffice. */
  async probe(chats: readonly object[], durationMs: number): Promise<void> {
    const startedAt = performance.now();
    const rest = chats.entries();
    const worker = async (): Promise<void> => {
      for (const [index, body] of rest) {
        const dueAt = startedAt + (index * durationMs) / chats.length;
        // oxlint-disable-next-line no-await-in-loop -- the rate is the point
        await sleep(Math.max(0, dueAt - performance.now()));
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await this.#probe(Buffer.from(JSON.stringify(body)));
      }
    };
    await Promise.all(Array.from({ length: connections }, worker));
    this.#agent.destroy();
  }

  async #probe(body: Buffer): Promise<void> {
    const refused = await this.#ask(body, 1n);
    const worstCase = /its worst case of (\d+) nano-USD/.exec(refused.text)?.[1];
    if (refused.status !== 400 || worstCase === undefined) {
      const isTooLong = refused.text.includes('"code":"context_length_exceeded"');
      if (!isTooLong) this.#unexpected.push(`${refused.status} ${refused.text.slice(0, 300)}`);
      return;
    }
    const boundNanoUsd = BigInt(worstCase);
    const { requestId, status, text } = await this.#ask(body, boundNanoUsd);
    if (status === 200) this.#accepted.set(requestId, boundNanoUsd);
    else this.#unexpected.push(`${status} ${text.slice(0, 300)}`);
  }

  #ask(body: Buffer, maxCostNanoUsd: bigint): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const digits = maxCostNanoUsd.toString().padStart(10, "0");
    const headers = {
      authorization: `Bearer ${this.apiKey}`,
      "content-type": "application/json",
      "content-length": body.length,
      "x-sluice-cache": "no-store",
      "x-sluice-max-cost-usd": `${digits.slice(0, -9)}.${digits.slice(-9)}`,
    };
    const options = { method: "POST", agent: this.#agent, headers };
    const sent = request(`${this.http}/v1/chat/completions`, options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk)).once("error", reject);
      response.once("end", () =>
        resolve({
          requestId: String(response.headers["x-sluice-request-id"]),
          status: response.statusCode ?? 0,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.once("error", reject).end(body);
    return promise;
  }
}
