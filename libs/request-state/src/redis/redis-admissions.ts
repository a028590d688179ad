import { assert } from "@sluice/domain";
import { type ScriptReply, askRedis, listOf, numberOf, recordOf, textOf } from "@sluice/redis";
import type { InferenceAdmitted } from "@sluice/contracts";
import { type Admission, Admissions, type Admitted, type Repeated } from "../ports.ts";
import type { RequestRef } from "../ports.ts";
import { recordOfRepeat, withoutBody } from "../admission-record.ts";
import type { RedisRequests } from "./redis-requests.ts";
import { acknowledgeScript } from "./scripts/acknowledge.ts";
import { admitScript } from "./scripts/admit.ts";
import { findScript } from "./scripts/find.ts";
import { refOfAdmitted } from "../request-ref.ts";
import { joinableScript } from "./scripts/joinable.ts";

export class RedisAdmissions extends Admissions {
  readonly #requests: RedisRequests;

  constructor(requests: RedisRequests) {
    super();
    this.#requests = requests;
  }

  override async admit(entries: readonly Admission[]): Promise<readonly Admitted[]> {
    const runs = entries.map(({ admitted, join, reader }) => {
      const { bodyHash, reply } = admitted;
      const ref = refOfAdmitted(admitted);
      const record = this.#requests.records.admittedBytes(withoutBody(admitted));
      const { listener = "", id = "" } = reader ?? {};
      const args = [bodyHash, record, reply, listener, id, ref.requestId];
      if (!join) return { ref, args };
      const fifthKey = this.#requests.joinKeyOf(ref.tenant, join.keyId, bodyHash);
      return { ref, args, fifthKey };
    });
    const replies = await this.#requests.run(admitScript, runs);
    return Promise.all(
      entries.map(async ({ admitted }, index) => this.#admittedOf(admitted, replies[index])),
    );
  }

  override async acknowledge(refs: readonly RequestRef[]): Promise<void> {
    await this.#requests.run(
      acknowledgeScript,
      refs.map((ref) => ({ ref, args: [] })),
    );
  }

  override async find(
    repeats: readonly InferenceAdmitted[],
  ): Promise<readonly (Repeated | null)[]> {
    const runs = repeats.map((repeat) => ({ ref: refOfAdmitted(repeat), args: [repeat.bodyHash] }));
    const replies = await this.#requests.run(findScript, runs);
    return Promise.all(
      replies.map(async (reply, index) =>
        reply === null ? null : this.#repeatedOf(repeats[index]!, listOf(reply)),
      ),
    );
  }

  override async joinable(
    tenant: string,
    keyId: string,
    bodyHash: string,
    readerId: string,
  ): Promise<string | null> {
    const { redis } = this.#requests;
    const joinKey = this.#requests.joinKeyOf(tenant, keyId, bodyHash);
    const requestId = await askRedis(() => redis.get(joinKey));
    if (requestId === null) return null;
    const run = { ref: { tenant, requestId }, args: [requestId, readerId], fifthKey: joinKey };
    const [reply] = await this.#requests.run(joinableScript, [run]);
    return numberOf(reply) === 1 ? requestId : null;
  }

  async #admittedOf(
    admitted: InferenceAdmitted,
    reply: ScriptReply | undefined,
  ): Promise<Admitted> {
    const fields = listOf(reply);
    if (textOf(fields[0]) === "first") return { kind: "first", admitted };
    return this.#repeatedOf(admitted, fields);
  }

  async #repeatedOf(repeat: InferenceAdmitted, fields: readonly ScriptReply[]): Promise<Repeated> {
    const [kind, recordBytes, acknowledged, hasOutcome, outcomeBytes] = fields;
    if (textOf(kind) === "conflict") return { kind: "conflict" };
    const { records } = this.#requests;
    if (numberOf(hasOutcome) === 1)
      return {
        kind: "ended",
        outcome: await recordOf(outcomeBytes, (bytes) => records.outcomeOf(bytes)),
      };
    const stored = await recordOf(recordBytes, (bytes) => records.admittedOf(bytes));
    assert(stored, "OUTCOME_REPLY_MALFORMED", "A running request has no record in Redis.");
    return {
      kind: "running",
      admitted: recordOfRepeat(stored, repeat),
      isAcknowledged: numberOf(acknowledged) === 1,
    };
  }
}
