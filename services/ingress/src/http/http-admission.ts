import { type InferenceAdmitted, type InferenceResponded, topics } from "@sluice/contracts";
import type { ApiKey, Declarations } from "@sluice/declarations";
import { type Clock, type EpochMillis, Fault, uuidv7 } from "@sluice/domain";
import type {
  Admissions,
  KnownRequest,
  Outcomes,
  Replies,
  RequestRef,
} from "@sluice/request-state";
import { type Found, hitOutcome, lookupOf, savingOf } from "@sluice/response-cache";
import { type EventProducer, outgoing, type TraceHeaders } from "@sluice/stage";
import { ApiError, errorOfModel, errorOfRefusal, unavailable } from "./api-error.ts";
import type { AskedBody } from "../request/request-body.ts";
import type { HitFinder } from "../admission/hit-finder.ts";
import { attributionOf } from "../admission/api-keys.ts";
import { modelRefusalOf } from "../request/model-choice.ts";
import type { IngressMetrics } from "../metrics.ts";
import type { RequestHeaders } from "../request/request-headers.ts";
import {
  bodyHashOf,
  deadlineOf,
  idempotentRequestId,
  requestedOf,
} from "../request/request-record.ts";

/** A chat completion, or embeddings, with who asks for it. */
export interface ChatAsk {
  readonly key: ApiKey;
  readonly body: AskedBody;
  readonly headers: RequestHeaders;
  /** Goes along with everything that is published for it, to the provider. */
  readonly trace: TraceHeaders;
}

/** What a caller gets: an answer that is there, or one to wait for. */
export type Opened =
  | {
      readonly kind: "answered";
      readonly outcome: InferenceResponded;
      /** What is still to be published, after the answer was sent. */
      readonly afterwards: () => Promise<void>;
    }
  | {
      readonly kind: "running";
      readonly ref: RequestRef;
      readonly admittedAt: EpochMillis;
      readonly deadlineAt: EpochMillis;
      /** Admitted by this process just now: nothing can have come for it without its hearing. */
      readonly isNew: boolean;
    };

export type Running = Extract<Opened, { kind: "running" }>;

const nothing = async (): Promise<void> => undefined;

/** From an authenticated request to an answer, or to a request on its way. */
export class Chat {
  constructor(
    private readonly declarations: Declarations,
    private readonly admissions: Admissions,
    private readonly outcomes: Outcomes,
    private readonly hits: HitFinder,
    private readonly producer: EventProducer,
    private readonly clock: Clock,
    private readonly replies: Pick<Replies, "listener">,
    private readonly metrics: IngressMetrics,
  ) {}

  /** @throws ApiError for everything that is refused, and for what cannot be decided now. */
  async open(ask: ChatAsk): Promise<Opened> {
    try {
      return await this.decide(ask);
    } catch (cause) {
      if (cause instanceof ApiError || !(cause instanceof Fault)) throw cause;
      this.metrics.decisions.inc({ decision: "shed", reason: cause.code });
      throw unavailable("unavailable", "The service cannot take requests now; try again.", cause);
    }
  }

  private async decide(ask: ChatAsk): Promise<Opened> {
    const { body, key } = ask;
    const refusal = modelRefusalOf(body, this.declarations);
    if (refusal) throw errorOfModel(refusal);
    const admitted = this.admissionOf(ask);
    const known = await this.findKnown(ask, admitted);
    if (known) return this.resume(known, admitted, ask.trace);

    const lookup = lookupOf(admitted.request, this.declarations.cachePolicyOf(key.tenant));
    const found = await this.hits.find(admitted, lookup);
    const answered =
      found.kind === "exact-hit" ? await this.answerHit(ask, admitted, found) : undefined;
    return answered ?? this.admit(ask, { ...admitted, lookup });
  }

  private admissionOf({ key, body, headers }: ChatAsk): InferenceAdmitted {
    const now = this.clock.now();
    const { idempotencyKey } = headers;
    const requestId =
      idempotencyKey === null
        ? uuidv7(now)
        : idempotentRequestId(key.tenant, key.team, idempotencyKey);
    const request = requestedOf(requestId, body, headers);
    const deadlineAt = deadlineOf(headers.deadlineAt, "http", now);
    if (deadlineAt <= now)
      throw new ApiError(504, "deadline_exceeded", "The deadline has passed already.");
    return {
      request,
      attribution: attributionOf(key),
      admittedAt: now,
      deadlineAt,
      bodyHash: bodyHashOf(key.tenant, request),
      origin: "http",
      reply: body.stream ? "live" : "whole",
      remembered: idempotencyKey !== null,
      correlationId: null,
      lookup: null,
      decisions: [],
    };
  }

  /** The request that this one repeats: by its idempotency key, or because an SDK says that it retries. */
  private async findKnown(
    { key, headers }: ChatAsk,
    { bodyHash, request }: InferenceAdmitted,
  ): Promise<KnownRequest | null> {
    const { tenant } = key;
    if (headers.idempotencyKey !== null) {
      const [known] = await this.admissions.find([{ tenant, requestId: request.requestId }]);
      return known ?? null;
    }
    if (headers.retryCount === 0) return null;
    const requestId = await this.admissions.joinable(tenant, key.id, bodyHash);
    if (requestId === null) return null;
    const [known] = await this.admissions.find([{ tenant, requestId }]);
    return known ?? null;
  }

  private async resume(
    known: KnownRequest,
    asked: InferenceAdmitted,
    trace: TraceHeaders,
  ): Promise<Opened> {
    if (known.bodyHash !== asked.bodyHash) throw conflict();
    if (known.answerGone) throw answerExpired();
    this.metrics.decisions.inc({ decision: "join", reason: "repeat" });
    if (known.outcome) return { kind: "answered", outcome: known.outcome, afterwards: nothing };
    if (!known.acknowledged) await this.publish(known.admitted, trace);
    return runningOf(known.admitted);
  }

  /**
   * A hit with an idempotency key must be what a repeat gets too, so it is
   * claimed; without one nobody can ask again, and Redis is spared.
   */
  private async answerHit(
    ask: ChatAsk,
    admitted: InferenceAdmitted,
    { lookup, entry }: Extract<Found, { kind: "exact-hit" }>,
  ): Promise<Opened | undefined> {
    const outcome = hitOutcome(admitted, lookup, entry, "ingress", this.clock.now());
    if (ask.headers.idempotencyKey !== null) {
      const [first] = await this.admissions.admit([{ admitted }]);
      if (first?.kind !== "first") return this.afterRace(first, admitted, ask.trace);
      const [claim] = await this.outcomes.claim([outcome], "hit");
      if (claim?.kind !== "won") return undefined;
    }
    this.metrics.decisions.inc({ decision: "answer", reason: "exact-hit" });
    return {
      kind: "answered",
      outcome,
      afterwards: () => this.publishSaving(admitted, outcome, ask.trace),
    };
  }

  private async admit(ask: ChatAsk, admitted: InferenceAdmitted): Promise<Opened> {
    const { listener } = this.replies;
    const [result] = await this.admissions.admit([
      { admitted, listener, join: { keyId: ask.key.id } },
    ]);
    if (result?.kind !== "first") return this.afterRace(result, admitted, ask.trace);
    await this.publish(admitted, ask.trace);
    this.metrics.decisions.inc({ decision: "admit", reason: "miss" });
    return { ...runningOf(admitted), isNew: true };
  }

  /** Another process admitted the same id between our look and our admission. */
  private async afterRace(
    result: Awaited<ReturnType<Admissions["admit"]>>[number] | undefined,
    asked: InferenceAdmitted,
    trace: TraceHeaders,
  ): Promise<Opened> {
    if (result?.kind !== "repeat") throw conflict();
    return this.resume({ ...result, bodyHash: asked.bodyHash }, asked, trace);
  }

  /** Once this is acknowledged the request is accepted: it ends in exactly one outcome. */
  private async publish(admitted: InferenceAdmitted, trace: TraceHeaders): Promise<void> {
    const { tenant } = admitted.attribution;
    const { requestId } = admitted.request;
    await this.producer.send([outgoing(topics.inferenceAdmitted, admitted, trace)]);
    // Nobody waits for it: not noted, a repeat publishes the same record again, which is dearer, and harmless.
    void this.admissions.acknowledge([{ tenant, requestId }]).catch(nothing);
  }

  /** Lost when this fails: savings are counted at most once, and no answer waits for them. */
  private async publishSaving(
    admitted: InferenceAdmitted,
    outcome: InferenceResponded,
    trace: TraceHeaders,
  ): Promise<void> {
    const saving = savingOf(admitted, outcome);
    await this.producer.send([outgoing(topics.costMetered, saving, trace)]);
    // From now on the kept answer may expire.
    if (admitted.remembered) await this.outcomes.published([outcome]);
  }
}

function runningOf({ attribution, request, admittedAt, deadlineAt }: InferenceAdmitted): Running {
  const ref = { tenant: attribution.tenant, requestId: request.requestId };
  return { kind: "running", ref, admittedAt, deadlineAt, isNew: false };
}

function conflict(): ApiError {
  return new ApiError(
    409,
    "idempotency_conflict",
    "This idempotency key belongs to a request with another body; use a new key.",
    { param: "idempotency-key", headers: { "x-should-retry": "false" } },
  );
}

function answerExpired(): ApiError {
  return new ApiError(
    409,
    "answer_expired",
    "The answer to this idempotency key was given and is no longer kept; use a new key.",
    { param: "idempotency-key", headers: { "x-should-retry": "false" } },
  );
}

/** @throws the answer for an outcome that is no completion */
export function refuse(outcome: InferenceResponded): never {
  throw errorOfRefusal(
    outcome.refused ?? { code: "internal_error", reason: "No answer was kept." },
  );
}
