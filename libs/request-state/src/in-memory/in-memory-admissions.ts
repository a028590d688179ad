import type { InferenceAdmitted } from "@sluice/contracts";
import { hashOf } from "@sluice/domain";
import { enter, type InMemoryRequests, type StoredRequest } from "./in-memory-requests.ts";
import { joinableMs } from "../limits.ts";
import {
  type Admission,
  Admissions,
  type Admitted,
  type Repeated,
  type RequestRef,
} from "../ports.ts";
import { refOfAdmitted } from "../request-ref.ts";
import { recordOfRepeat, withoutBody } from "../admission-record.ts";

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
      if (request?.record) request.acknowledged = true;
    }
  }

  override async find(
    repeats: readonly InferenceAdmitted[],
  ): Promise<readonly (Repeated | null)[]> {
    return repeats.map((repeat) => {
      const request = this.#requests.find(refOfAdmitted(repeat));
      return !request || request.bodyHash === null ? null : this.#repeated(request, repeat);
    });
  }

  override async joinable(
    tenant: string,
    keyId: string,
    bodyHash: string,
    readerId: string,
  ): Promise<string | null> {
    const key = hashOf(tenant, keyId, bodyHash);
    const join = this.#requests.joins.get(key);
    if (!join || join.until <= this.#requests.clock.now()) return null;
    const request = this.#requests.find({ tenant, requestId: join.requestId });
    if (request && runsOrCompleted(request)) {
      enter(request, readerId);
      return join.requestId;
    }
    this.#requests.joins.delete(key);
    return null;
  }

  #admit({ admitted, join, reader }: Admission): Admitted {
    const ref = refOfAdmitted(admitted);
    const request = this.#requests.findOrCreate(ref);
    if (request.bodyHash !== null) return this.#repeated(request, admitted);

    request.bodyHash = admitted.bodyHash;
    request.record = withoutBody(admitted);
    request.reply = admitted.reply;
    if (reader) enter(request, reader.id);
    if (join) this.#join(hashOf(ref.tenant, join.keyId, admitted.bodyHash), ref.requestId);
    if (request.outcomeBy === null && request.attempts.size === 0)
      return { kind: "first", admitted };
    request.acknowledged = true;
    return this.#repeated(request, admitted);
  }

  #join(key: string, requestId: string): void {
    const now = this.#requests.clock.now();
    const joined = this.#requests.joins.get(key);
    if (!joined || joined.until <= now)
      this.#requests.joins.set(key, { requestId, until: now + joinableMs });
  }

  #repeated(request: StoredRequest, repeat: InferenceAdmitted): Repeated {
    if (request.bodyHash !== repeat.bodyHash) return { kind: "conflict" };
    if (request.outcomeBy !== null)
      return { kind: "ended", outcome: this.#requests.answerOf(request) };
    return {
      kind: "running",
      admitted: recordOfRepeat(request.record!, repeat),
      isAcknowledged: request.acknowledged,
    };
  }
}

function runsOrCompleted({ bodyHash, outcomeBy, outcomeKind, cancelled }: StoredRequest): boolean {
  if (bodyHash === null) return false;
  return outcomeBy === null ? !cancelled : outcomeKind === "completed";
}
