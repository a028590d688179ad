import { createHash } from "node:crypto";
import type { InferenceResponded, TopicCodecs } from "@sluice/contracts";
import { hashOf, partitionKeyOf } from "@sluice/domain";
import {
  type Redis,
  type RedisScript,
  runScript,
  type ScriptReply,
  tenantTagOf,
} from "@sluice/redis";
import type { RequestRef } from "../ports.ts";
import { StoredRecords } from "../stored-records.ts";

export interface ScriptRun {
  readonly ref: RequestRef;
  readonly args: readonly (string | number | Buffer)[];
  /** KEYS[5], if the script has one. */
  readonly fifthKey?: string;
}

const outcomeHashBytes = 16;

/** The keys, records and scripts of requests in Redis, which the four ports share. */
export class RedisRequests {
  readonly redis: Redis;
  readonly records: StoredRecords;
  readonly #prefix: string;

  /**
   * @param redis a server without eviction and with AOF, because a lost request may be paid again
   * @param codecs prepared for `storedTopics`
   * @param prefix the topic prefix, which separates installations on one server
   */
  constructor(redis: Redis, codecs: TopicCodecs, prefix = "") {
    this.redis = redis;
    this.records = new StoredRecords(codecs);
    this.#prefix = prefix;
  }

  /** Runs a script for several requests in one round trip. Returns one reply per run, in order. */
  run(script: RedisScript, runs: readonly ScriptRun[]): Promise<readonly ScriptReply[]> {
    const calls = runs.map(({ ref, args, fifthKey }) => ({
      keys: [
        ...this.keysOf(ref),
        `${tenantTagOf(this.#prefix, ref.tenant)}:budgets`,
        ...(fifthKey === undefined ? [] : [fifthKey]),
      ],
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

  /** Returns the keys of hash, answer and stream. The tenant's hash is the hash tag, so all keys of a tenant are in one slot. */
  keysOf({ tenant, requestId }: RequestRef): readonly [string, string, string] {
    const tag = tenantTagOf(this.#prefix, tenant);
    const id = partitionKeyOf(tenant, requestId);
    return [`${tag}:request:${id}`, `${tag}:answer:${id}`, `${tag}:reply:${id}`];
  }

  joinKeyOf(tenant: string, keyId: string, bodyHash: string): string {
    return `${tenantTagOf(this.#prefix, tenant)}:join:${hashOf(tenant, keyId, bodyHash)}`;
  }

  /** Returns a further key of a tenant, under its hash tag. */
  keyOf(tenant: string, name: string): string {
    return `${tenantTagOf(this.#prefix, tenant)}:${name}`;
  }

  /** Returns the channel on which a process is notified of replies that have grown. */
  channelOf(processId: string): string {
    return `${this.#prefix}sluice:replies:${processId}`;
  }

  /** Returns the arguments of scripts that set an outcome: its bytes, 16 bytes of their hash, and its kind. */
  outcomeArgs(outcome: InferenceResponded): readonly [Buffer, Buffer, string] {
    const bytes = this.records.outcomeBytes(outcome);
    const digest = createHash("sha256").update(bytes).digest();
    return [bytes, digest.subarray(0, outcomeHashBytes), outcome.outcome];
  }
}
