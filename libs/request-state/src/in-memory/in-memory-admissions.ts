import { hashOf } from "@sluice/domain";
import type { InMemoryRequests, StoredRequest } from "./in-memory-requests.ts";
import { joinableMs } from "../limits.ts";
import {
  type Admission,
  Admissions,
  type Admitted,
  type KnownRequest,
  type RequestRef,
} from "../ports.ts";
import { refOfAdmitted } from "../request-ref.ts";
import { withoutMessages } from "../without-messages.ts";

/** Fake of {@link Admissions} for tests. Passes the same contract as the Redis adapter. */
export class InMemoryAdmissions extends Admissions {
  readonly #requests: InMemoryRequests;

  constructor(requests: InMemoryRequests) {
    super();
    this.#requests = requests;
  }

  override async admit(entries: readonly Admission[]): Promise<readonly Admitted[]> {
    return entries.map((entry) => this.#admit(entry));
  }

  override async acknowledge(refs: readonly RequestRef[]): Promise<void> {
    for (const ref of refs) {
      const request = this.#requests.find(ref);
      if (request?.admitted) {
        request.acknowledged = true;
        request.admitted = withoutMessages(request.admitted);
      }
    }
  }

  override async find(refs: readonly RequestRef[]): Promise<readonly (KnownRequest | null)[]> {
    return refs.map((ref) => {
      const request = this.#requests.find(ref);
      if (!request || request.bodyHash === null) return null;
      return { bodyHash: request.bodyHash, ...this.#knownOf(request) };
    });
  }

  override async joinable(tenant: string, keyId: string, bodyHash: string): Promise<string | null> {
    const key = hashOf(tenant, keyId, bodyHash);
    const join = this.#requests.joins.get(key);
    if (!join || join.until <= this.#requests.clock.now()) return null;
    const request = this.#requests.find({ tenant, requestId: join.requestId });
    if (request && runsOrCompleted(request)) return join.requestId;
    this.#requests.joins.delete(key);
    return null;
  }

  #admit({ admitted, join }: Admission): Admitted {
    const ref = refOfAdmitted(admitted);
    const known = this.#requests.find(ref);
    if (known?.bodyHash && known.bodyHash !== admitted.bodyHash) return { kind: "conflict" };
    if (known?.bodyHash) return { kind: "repeat", ...this.#knownOf(known) };

    const request = this.#requests.findOrCreate(ref);
    request.bodyHash = admitted.bodyHash;
    request.admitted = admitted;
    request.reply = admitted.reply;
    if (join) this.#join(hashOf(ref.tenant, join.keyId, admitted.bodyHash), ref.requestId);
    if (request.outcomeBy === null && request.attempts.size === 0)
      return { kind: "first", admitted };
    request.acknowledged = true;
    request.admitted = withoutMessages(admitted);
    return { kind: "repeat", ...this.#knownOf(request) };
  }

  #join(key: string, requestId: string): void {
    const now = this.#requests.clock.now();
    const joined = this.#requests.joins.get(key);
    if (!joined || joined.until <= now)
      this.#requests.joins.set(key, { requestId, until: now + joinableMs });
  }

  #knownOf(request: StoredRequest): Omit<KnownRequest, "bodyHash"> {
    const outcome = this.#requests.answerOf(request);
    return {
      admitted: request.admitted!,
      acknowledged: request.acknowledged,
      outcome,
      answerGone: request.outcomeBy !== null && outcome === null,
    };
  }
}

function runsOrCompleted({ bodyHash, outcomeBy, outcomeKind, cancelled }: StoredRequest): boolean {
  if (bodyHash === null) return false;
  return outcomeBy === null ? !cancelled : outcomeKind === "completed";
}
