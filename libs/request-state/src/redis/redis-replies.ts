import { randomUUID } from "node:crypto";
import { type Redis, isRedisDown, type ScriptReply } from "@sluice/redis";
import { Replies, type ReplyEvent, type RequestRef } from "../ports.ts";
import type { RedisRequests } from "./redis-requests.ts";
import { bytesOf, listOf, numberOf, textOf } from "./script-reply.ts";
import { cancelScript } from "./scripts/cancel.ts";
import { followScript } from "./scripts/follow.ts";
import { WaitingReaders } from "../waiting-readers.ts";

/** A lost notification costs this much delay at most. */
const pollMs = 1_000;
/** Bounds what one reader holds at a time. */
const entriesMax = 256;

/**
 * One subscriber and one ordinary connection for all readers of the process.
 * A blocking XREAD would need a connection per waiting request, without command
 * timeout, that cannot be given back when its client goes; thousands of
 * waiting clients would be thousands of connections.
 */
export class RedisReplies extends Replies {
  override readonly listener: string;
  readonly #requests: RedisRequests;
  readonly #subscriber: Redis;
  readonly #readers = new WaitingReaders();
  readonly #closing = new AbortController();

  /** @param subscriber from `connectSubscriber`, for this object alone; it is closed with it. */
  constructor(requests: RedisRequests, subscriber: Redis) {
    super();
    this.#requests = requests;
    this.#subscriber = subscriber;
    this.listener = requests.channelOf(randomUUID());
    subscriber.on("messageBuffer", (_channel: Buffer, said: Buffer) => this.#ring(said));
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
    const bell = this.#readers.join(key);
    const seen = new Map<number, number>();
    let lastId = "";
    try {
      if (isNew) await bell.heard(pollMs, ended);
      while (!ended.aborted) {
        if (bell.said) {
          yield await this.#endOf(bell.said);
          return;
        }
        bell.reset();
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
        if (!page?.isFull) await bell.heard(pollMs, ended);
      }
    } finally {
      this.#readers.leave(key, bell);
    }
  }

  override async cancel(ref: RequestRef): Promise<void> {
    await this.#requests.runOne(cancelScript, ref);
  }

  override async close(): Promise<void> {
    this.#closing.abort();
    this.#subscriber.disconnect();
  }

  /** A request's key, and where its reply ended at once, a NUL and the outcome. */
  #ring(said: Buffer): void {
    const keyBytes = said.indexOf(0);
    if (keyBytes < 0) return this.#readers.ring(said.toString("latin1"));
    this.#readers.ring(said.toString("latin1", 0, keyBytes), said.subarray(keyBytes + 1));
  }

  /** With every connection anew. What is said while there is none goes unheard, and costs a poll. */
  async #subscribe(): Promise<void> {
    try {
      await this.#subscriber.subscribe(this.listener);
    } catch {
      // Without a subscription every wait would last a poll. A new connection tries again.
      if (!this.#closing.signal.aborted) this.#subscriber.disconnect(true);
    }
  }

  /** null while Redis is down. */
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
  /** null when there was no entry. */
  readonly lastId: string | null;
  /** There may be more already. */
  readonly isFull: boolean;
  readonly end: ReplyEvent | null;
}

/** None for the terminal entry, whose outcome is read beside the stream. */
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
