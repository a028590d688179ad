import { createHash } from "node:crypto";
import type { InferenceResponded, TopicCodecs } from "@sluice/contracts";
import { hashOf, partitionKeyOf } from "@sluice/domain";
import { type Redis, type RedisScript, runScript, type ScriptReply } from "@sluice/redis";
import type { RequestRef } from "../ports.ts";
import { StoredRecords } from "../stored-records.ts";

export interface ScriptRun {
  readonly ref: RequestRef;
  readonly args: readonly (string | number | Buffer)[];
  /** KEYS[4], where the script has one. */
  readonly fourthKey?: string;
}

const tagsMax = 10_000;

/** The state of requests in Redis, which the four ports share: keys, records, scripts. */
export class RedisRequests {
  readonly redis: Redis;
  readonly records: StoredRecords;
  readonly #prefix: string;
  readonly #tags = new Map<string, string>();

  /**
   * @param redis without eviction and with AOF, as what is lost here may be paid again.
   * @param codecs prepared for `storedTopics`.
   * @param prefix keeps installations on one server apart; the topic prefix.
   */
  constructor(redis: Redis, codecs: TopicCodecs, prefix = "") {
    this.redis = redis;
    this.records = new StoredRecords(codecs);
    this.#prefix = prefix;
  }

  /** One round trip; one reply per run, in order. */
  run(script: RedisScript, runs: readonly ScriptRun[]): Promise<readonly ScriptReply[]> {
    const calls = runs.map(({ ref, args, fourthKey }) => ({
      keys: fourthKey === undefined ? this.keysOf(ref) : [...this.keysOf(ref), fourthKey],
      args,
    }));
    return runScript(this.redis, script, calls);
  }

  async runOne(
    script: RedisScript,
    ref: RequestRef,
    ...args: ScriptRun["args"]
  ): Promise<ScriptReply> {
    const [reply] = await this.run(script, [{ ref, args }]);
    return reply!;
  }

  /** Hash, answer and stream. The tenant's hash is the tag: all of a tenant's keys lie in one slot. */
  keysOf({ tenant, requestId }: RequestRef): readonly [string, string, string] {
    const tag = this.#tagOf(tenant);
    const id = partitionKeyOf(tenant, requestId);
    return [`${tag}:request:${id}`, `${tag}:answer:${id}`, `${tag}:reply:${id}`];
  }

  joinKeyOf(tenant: string, keyId: string, bodyHash: string): string {
    return `${this.#tagOf(tenant)}:join:${hashOf(tenant, keyId, bodyHash)}`;
  }

  /** Channel on which a process is told which request's reply has grown. */
  channelOf(processId: string): string {
    return `${this.#prefix}sluice:replies:${processId}`;
  }

  /** Bytes, their hash and kind: what every script that sets an outcome takes. */
  outcomeArgs(outcome: InferenceResponded): readonly [Buffer, string, string] {
    const bytes = this.records.outcomeBytes(outcome);
    return [bytes, createHash("sha256").update(bytes).digest("hex"), outcome.outcome];
  }

  #tagOf(tenant: string): string {
    const known = this.#tags.get(tenant);
    if (known !== undefined) return known;
    const tag = `${this.#prefix}{${hashOf(tenant)}}`;
    // Declared tenants are few. Should anybody get others in here, memory is bounded all the same.
    if (this.#tags.size >= tagsMax) this.#tags.clear();
    this.#tags.set(tenant, tag);
    return tag;
  }
}
