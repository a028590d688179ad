import { randomUUID } from "node:crypto";
import type { InferenceResponded } from "@sluice/contracts";
import {
  type Redis,
  type ScriptReply,
  isAbsent,
  isRedisDown,
  listOf,
  numberOf,
  recordOf,
  textOf,
} from "@sluice/redis";
import { Replies, type ReplyEvent, type RequestRef } from "../ports.ts";
import type { RedisRequests } from "./redis-requests.ts";
import { cancelScript } from "./scripts/cancel.ts";
import { followScript } from "./scripts/follow.ts";
import { type ReplyToken, TokenOrder, type TokenPlace } from "../token-order.ts";
import { WaitingReaders } from "../waiting-readers.ts";

/**
 * Notifications are the rule, and after a new connection all readers read at once. The poll finds
 * what was published just before the connection broke. 4,000 waiting clients cost 400 reads a second.
 */
const pollMs = 10_000;
/** A failed read is repeated this much later, because the outage may have ended without a new connection. */
const outagePollMs = 1_000;
/** Bounds the entries that one reader holds in memory. */
const entriesMax = 256;

/**
 * Uses one subscriber and one ordinary connection for all readers of the process. A blocking XREAD
 * would need a connection without command timeout for each waiting request, which cannot be reused
 * when its client disconnects. Thousands of waiting clients would need thousands of connections.
 */
export class RedisReplies extends Replies {
  override readonly listener: string;
  readonly #requests: RedisRequests;
  readonly #subscriber: Redis;
  readonly #readers = new WaitingReaders();
  readonly #closing = new AbortController();

  /** @param subscriber from `connectSubscriber`, for this object only, which closes it */
  constructor(requests: RedisRequests, subscriber: Redis) {
    super();
    this.#requests = requests;
    this.#subscriber = subscriber;
    this.listener = requests.channelOf(randomUUID());
    subscriber.on("messageBuffer", (_channel: Buffer, message: Buffer) => this.#notify(message));
    subscriber.on("ready", () => void this.#subscribe());
    if (subscriber.status === "ready") void this.#subscribe();
  }

  override async *follow(
    ref: RequestRef,
    readerId: string,
    signal: AbortSignal,
    isNew = false,
  ): AsyncGenerator<ReplyEvent> {
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    const [key] = this.#requests.keysOf(ref);
    const reader = this.#readers.add(key);
    const tokens = new TokenOrder();
    let lastId = "";
    try {
      if (isNew) await reader.wait(pollMs, ended);
      while (!ended.aborted) {
        if (reader.outcome) {
          yield endOf(await this.#requests.records.outcomeOf(reader.outcome), true);
          return;
        }
        reader.reset();
        const page = await this.#read(ref, lastId, readerId);
        for (const token of page?.tokens ?? []) {
          if (!tokens.accepts(token)) continue;
          yield { kind: "token", ...token };
          if (ended.aborted) return;
        }
        if (page?.end) {
          const { outcome, lastToken } = page.end;
          yield outcome ? endOf(outcome, tokens.isComplete(lastToken)) : { kind: "answer-gone" };
          return;
        }
        lastId = page?.lastId ?? lastId;
        if (!page?.isFull) await reader.wait(page ? pollMs : outagePollMs, ended);
      }
    } finally {
      this.#readers.remove(key, reader);
    }
  }

  override async cancel(ref: RequestRef, readerId: string): Promise<void> {
    await this.#requests.runOne(cancelScript, ref, readerId);
  }

  override async close(): Promise<void> {
    this.#closing.abort();
    this.#subscriber.disconnect();
  }

  /** Reads a notification: a request's key and, if its reply has ended, possibly a NUL and the outcome. */
  #notify(message: Buffer): void {
    const keyBytes = message.indexOf(0);
    if (keyBytes < 0) return this.#readers.notify(message.toString("latin1"));
    this.#readers.notify(message.toString("latin1", 0, keyBytes), message.subarray(keyBytes + 1));
  }

  /** Subscribes after each new connection. Then all readers read, because notifications that were sent without a connection are lost. */
  async #subscribe(): Promise<void> {
    try {
      await this.#subscriber.subscribe(this.listener);
      this.#readers.notifyAll();
    } catch {
      // Without a subscription, each wait would last until the poll. A new connection subscribes again.
      if (!this.#closing.signal.aborted) this.#subscriber.disconnect(true);
    }
  }

  /** Returns null while Redis is unavailable. */
  async #read(ref: RequestRef, lastId: string, readerId: string): Promise<Page | null> {
    try {
      const args = [lastId, entriesMax, this.listener, readerId];
      return await this.#pageOf(await this.#requests.runOne(followScript, ref, ...args));
    } catch (error) {
      if (isRedisDown(error)) return null;
      throw error;
    }
  }

  async #pageOf(reply: ScriptReply): Promise<Page> {
    const [entryReplies, hasEnded, outcomeBytes, lastToken] = listOf(reply);
    const entries = listOf(entryReplies).map((entry) => listOf(entry));
    const lastEntry = entries.at(-1);
    const { records } = this.#requests;
    return {
      tokens: entries.flatMap(([, fields]) => tokensOf(listOf(fields))),
      lastId: lastEntry ? textOf(lastEntry[0]) : null,
      isFull: entries.length === entriesMax,
      end:
        numberOf(hasEnded) === 1
          ? {
              outcome: await recordOf(outcomeBytes, (bytes) => records.outcomeOf(bytes)),
              lastToken: isAbsent(lastToken) ? null : placeOf(textOf(lastToken)),
            }
          : null,
    };
  }
}

interface Page {
  readonly tokens: readonly ReplyToken[];
  /** null if there was no entry. */
  readonly lastId: string | null;
  /** Whether there may be more entries already. */
  readonly isFull: boolean;
  readonly end: PageEnd | null;
}

interface PageEnd {
  /** null if the answer has expired. */
  readonly outcome: InferenceResponded | null;
  /** null if the reply has no tokens. */
  readonly lastToken: TokenPlace | null;
}

function endOf(outcome: InferenceResponded, isComplete: boolean): ReplyEvent {
  return { kind: "end", outcome, isComplete };
}

/** Returns the token of an entry, and none for the terminal entry that Sluice 0.1 wrote. */
function tokensOf(fields: readonly ScriptReply[]): ReplyToken[] {
  if (textOf(fields[0]) !== "attempt") return [];
  const [, attempt, , sequence, , payload] = fields;
  const place = { attempt: Number(textOf(attempt)), sequence: Number(textOf(sequence)) };
  return [{ ...place, payload: textOf(payload) }];
}

/** Parses attempt-sequence. */
function placeOf(text: string): TokenPlace {
  const [attempt, sequence] = text.split("-").map(Number);
  return { attempt: attempt!, sequence: sequence! };
}
