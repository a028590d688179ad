import type { InMemoryRequests } from "./in-memory-requests.ts";
import { Replies, type ReplyEvent, type RequestRef } from "../ports.ts";

/** Longer than any test: whatever ends a wait here is a ring or the signal. */
const foreverMs = 2 ** 30;

/** Fake. */
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
    const bell = this.#requests.readers.join(key);
    let read = 0;
    try {
      while (!ended.aborted) {
        bell.reset();
        const request = this.#requests.find(ref);
        const token = request?.tokens[read];
        if (token) {
          read += 1;
          yield { kind: "token", ...token };
        } else if (request?.outcomeBy) {
          const outcome = this.#requests.answerOf(request);
          yield outcome ? { kind: "end", outcome } : { kind: "answer-gone" };
          return;
        } else await bell.heard(foreverMs, ended);
      }
    } finally {
      this.#requests.readers.leave(key, bell);
    }
  }

  override async cancel(ref: RequestRef): Promise<void> {
    this.#requests.findOrCreate(ref).cancelled = true;
  }

  override async close(): Promise<void> {
    this.#closing.abort();
  }
}
