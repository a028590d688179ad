import type { InMemoryRequests } from "./in-memory-requests.ts";
import { Replies, type ReplyEvent, type RequestRef } from "../ports.ts";

/** Longer than any test, so that only a notification or the signal ends a wait. */
const waitMsMax = 2 ** 30;

/** Fake of {@link Replies} for tests. Passes the same contract as the Redis adapter. */
export class InMemoryReplies extends Replies {
  override readonly listener = "in-memory";
  readonly #requests: InMemoryRequests;
  readonly #closing = new AbortController();

  constructor(requests: InMemoryRequests) {
    super();
    this.#requests = requests;
  }

  override async *follow(ref: RequestRef, signal: AbortSignal): AsyncGenerator<ReplyEvent> {
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    const key = this.#requests.keyOf(ref);
    const reader = this.#requests.readers.add(key);
    let read = 0;
    try {
      while (!ended.aborted) {
        reader.reset();
        const request = this.#requests.find(ref);
        const token = request?.tokens[read];
        if (token) {
          read += 1;
          yield { kind: "token", ...token };
        } else if (request?.outcomeBy) {
          const outcome = this.#requests.answerOf(request);
          yield outcome ? { kind: "end", outcome } : { kind: "answer-gone" };
          return;
        } else await reader.wait(waitMsMax, ended);
      }
    } finally {
      this.#requests.readers.remove(key, reader);
    }
  }

  override async cancel(ref: RequestRef): Promise<void> {
    this.#requests.findOrCreate(ref).cancelled = true;
  }

  override async close(): Promise<void> {
    this.#closing.abort();
  }
}
