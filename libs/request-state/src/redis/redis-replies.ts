import { randomUUID } from "node:crypto";
import { type Redis, isRedisDown, type ScriptReply } from "@sluice/redis";
import { Replies, type ReplyEvent, type RequestRef } from "../ports.ts";
import type { RedisRequests } from "./redis-requests.ts";
import { bytesOf, listOf, numberOf, textOf } from "./script-reply.ts";
import { cancelScript } from "./scripts/cancel.ts";
import { followScript } from "./scripts/follow.ts";
import { WaitingReaders } from "../waiting-readers.ts";

/** A lost notification delays a reader by at most this long. */
const pollMs = 1_000;
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
    signal: AbortSignal,
    isNew = false,
  ): AsyncGenerator<ReplyEvent> {
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    const [key] = this.#requests.keysOf(ref);
    const reader = this.#readers.add(key);
    const seen = new Map<number, number>();
    let lastId = "";
    try {
      if (isNew) await reader.wait(pollMs, ended);
      while (!ended.aborted) {
        if (reader.outcome) {
          yield await this.#endOf(reader.outcome);
          return;
        }
        reader.reset();
        const page = await this.#read(ref, lastId);
        for (const entry of page?.tokens ?? []) {
          if (entry.sequence <= (seen.get(entry.attempt) ?? -1)) continue;
          seen.set(entry.attempt, entry.sequence);
          yield { kind: "token", ...entry };
          if (ended.aborted) return;
        }
        if (page?.end) {
          yield page.end;
          return;
        }
        lastId = page?.lastId ?? lastId;
        if (!page?.isFull) await reader.wait(pollMs, ended);
      }
    } finally {
      this.#readers.remove(key, reader);
    }
  }

  override async cancel(ref: RequestRef): Promise<void> {
    await this.#requests.runOne(cancelScript, ref);
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

  /** Subscribes after each new connection. A notification that is sent without a connection is lost, and its reader polls. */
  async #subscribe(): Promise<void> {
    try {
      await this.#subscriber.subscribe(this.listener);
    } catch {
      // Without a subscription, each wait would last until the poll. A new connection subscribes again.
      if (!this.#closing.signal.aborted) this.#subscriber.disconnect(true);
    }
  }

  /** Returns null while Redis is unavailable. */
  async #read(ref: RequestRef, lastId: string): Promise<Page | null> {
    try {
      const args = [lastId, entriesMax, this.listener];
      return await this.#pageOf(await this.#requests.runOne(followScript, ref, ...args));
    } catch (error) {
      if (isRedisDown(error)) return null;
      throw error;
    }
  }

  async #pageOf(reply: ScriptReply): Promise<Page> {
    const [entryReplies, hasEnded, outcomeBytes] = listOf(reply);
    const entries = listOf(entryReplies).map((entry) => listOf(entry));
    const lastEntry = entries.at(-1);
    return {
      tokens: entries.flatMap(([, fields]) => tokensOf(listOf(fields))),
      lastId: lastEntry ? textOf(lastEntry[0]) : null,
      isFull: entries.length === entriesMax,
      end: numberOf(hasEnded) === 1 ? await this.#endOf(outcomeBytes) : null,
    };
  }

  async #endOf(outcomeBytes: ScriptReply | undefined): Promise<ReplyEvent> {
    if (outcomeBytes === null || outcomeBytes === undefined) return { kind: "answer-gone" };
    const outcome = await this.#requests.records.outcomeOf(bytesOf(outcomeBytes));
    return { kind: "end", outcome };
  }
}

interface Token {
  readonly attempt: number;
  readonly sequence: number;
  readonly payload: string;
}

interface Page {
  readonly tokens: readonly Token[];
  /** null if there was no entry. */
  readonly lastId: string | null;
  /** Whether there may be more entries already. */
  readonly isFull: boolean;
  readonly end: ReplyEvent | null;
}

/** Returns the token of an entry, and none for the terminal entry, whose outcome has a key of its own. */
function tokensOf(fields: readonly ScriptReply[]): Token[] {
  if (textOf(fields[0]) !== "attempt") return [];
  const [, attempt, , sequence, , payload] = fields;
  return [
    {
      attempt: Number(textOf(attempt)),
      sequence: Number(textOf(sequence)),
      payload: textOf(payload),
    },
  ];
}
