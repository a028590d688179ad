import { askRedis, type ScriptReply } from "@sluice/redis";
import { type Admission, Admissions, type Admitted, type KnownRequest } from "../ports.ts";
import type { RequestRef } from "../ports.ts";
import { withoutMessages } from "../without-messages.ts";
import type { RedisRequests } from "./redis-requests.ts";
import { bytesOf, listOf, numberOf, recordOf, textOf } from "./script-reply.ts";
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
    const runs = entries.map(({ admitted, join, listener }) => {
      const { bodyHash, reply } = admitted;
      const ref = refOfAdmitted(admitted);
      const { records } = this.#requests;
      const bytes = records.admittedBytes(admitted);
      const slimBytes = records.admittedBytes(withoutMessages(admitted));
      const args = [bodyHash, bytes, slimBytes, reply, listener ?? "", ref.requestId];
      if (!join) return { ref, args };
      const fourthKey = this.#requests.joinKeyOf(ref.tenant, join.keyId, bodyHash);
      return { ref, args, fourthKey };
    });
    const replies = await this.#requests.run(admitScript, runs);
    return Promise.all(entries.map((entry, index) => this.#admittedOf(entry, replies[index])));
  }

  override async acknowledge(refs: readonly RequestRef[]): Promise<void> {
    await this.#requests.run(
      acknowledgeScript,
      refs.map((ref) => ({ ref, args: [] })),
    );
  }

  override async find(refs: readonly RequestRef[]): Promise<readonly (KnownRequest | null)[]> {
    const runs = refs.map((ref) => ({ ref, args: [] }));
    const replies = await this.#requests.run(findScript, runs);
    return Promise.all(
      replies.map(async (reply) => {
        if (reply === null) return null;
        const [bodyHash, ...known] = listOf(reply);
        return { bodyHash: textOf(bodyHash), ...(await this.#knownOf(known)) };
      }),
    );
  }

  override async joinable(tenant: string, keyId: string, bodyHash: string): Promise<string | null> {
    const { redis } = this.#requests;
    const fourthKey = this.#requests.joinKeyOf(tenant, keyId, bodyHash);
    const requestId = await askRedis(() => redis.get(fourthKey));
    if (requestId === null) return null;
    const run = { ref: { tenant, requestId }, args: [requestId], fourthKey };
    const [reply] = await this.#requests.run(joinableScript, [run]);
    return numberOf(reply) === 1 ? requestId : null;
  }

  async #admittedOf({ admitted }: Admission, reply: ScriptReply | undefined): Promise<Admitted> {
    const [kind, ...known] = listOf(reply);
    switch (textOf(kind)) {
      case "first":
        return { kind: "first", admitted };
      case "conflict":
        return { kind: "conflict" };
      default:
        return { kind: "repeat", ...(await this.#knownOf(known)) };
    }
  }

  async #knownOf(fields: readonly ScriptReply[]): Promise<Omit<KnownRequest, "bodyHash">> {
    const [admittedBytes, acknowledged, hasOutcome, outcomeBytes] = fields;
    const { records } = this.#requests;
    const outcome = await recordOf(outcomeBytes, (bytes) => records.outcomeOf(bytes));
    return {
      admitted: await records.admittedOf(bytesOf(admittedBytes)),
      acknowledged: numberOf(acknowledged) === 1,
      outcome,
      answerGone: numberOf(hasOutcome) === 1 && outcome === null,
    };
  }
}
