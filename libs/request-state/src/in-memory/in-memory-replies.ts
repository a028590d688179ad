import { enter, type InMemoryRequests } from "./in-memory-requests.ts";
import { TokenOrder } from "../token-order.ts";
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

  override async *follow(
    ref: RequestRef,
    readerId: string,
    signal: AbortSignal,
  ): AsyncGenerator<ReplyEvent> {
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    const key = this.#requests.keyOf(ref);
    const reader = this.#requests.readers.add(key);
    const order = new TokenOrder();
    let read = 0;
    try {
      while (!ended.aborted) {
        reader.reset();
        const request = this.#requests.find(ref);
        if (request?.outcomeBy === null) enter(request, readerId);
        const token = request?.tokens[read];
        if (token) {
          read += 1;
          if (order.accepts(token)) yield { kind: "token", ...token };
        } else if (request?.outcomeBy) {
          const outcome = this.#requests.answerOf(request);
          const isComplete = order.isComplete(request.lastToken);
          yield outcome ? { kind: "end", outcome, isComplete } : { kind: "answer-gone" };
          return;
        } else await reader.wait(waitMsMax, ended);
      }
    } finally {
      this.#requests.readers.remove(key, reader);
    }
  }

  override async cancel(ref: RequestRef, readerId: string): Promise<void> {
    const request = this.#requests.findOrCreate(ref);
    request.readers.delete(readerId);
    const isLast = request.readers.size === 0 && !request.hasUncountedReaders;
    if (isLast && request.outcomeBy === null) request.cancelled = true;
  }

  override async close(): Promise<void> {
    this.#closing.abort();
  }
}
