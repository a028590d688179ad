import { Inject, Injectable } from "@nestjs/common";
import { type InferenceAdmitted, type InferenceResponded, topics } from "@sluice/contracts";
import { type ApiKey, Declarations } from "@sluice/declarations";
import { Clock, type EpochMillis, Fault, TransientFault, uuidv7 } from "@sluice/domain";
import {
  Admissions,
  type Admitted,
  newReaderId,
  Outcomes,
  refOfAdmitted,
  Replies,
  type RequestRef,
} from "@sluice/request-state";
import { hitOutcome, savingOf } from "@sluice/response-cache";
import { EventProducer, outgoing, type TraceHeaders } from "@sluice/stage";
import { type AdmissionDecision, decideAdmission, notLookedUp } from "../admission/admit.ts";
import { attributionOf, namingRefusalOf } from "../admission/attribution.ts";
import { admittedRecordOf, type Candidate } from "../admission/candidate.ts";
import { HitFinder } from "../admission/hit-finder.ts";
import { SharedAnswers } from "../admission/shared-answers.ts";
import {
  type Known,
  knownByClaim,
  knownByLookUp,
  nothingKnown,
} from "../admission/known-request.ts";
import { INSTALLATION, type Installation } from "../installation.ts";
import { type LimitCheck, RequestLimits, unlimited } from "../limits/request-limits.ts";
import { IngressMetrics } from "../metrics.ts";
import { modelRefusalOf } from "../request/model-choice.ts";
import type { RequestBody } from "../request/request-body.ts";
import type { RequestHeaders } from "../request/request-headers.ts";
import { recordSizeRefusalOf } from "../request/record-size.ts";
import { idempotentRequestId, recordOf } from "../request/request-record.ts";
import {
  clientClosed,
  deadlineExceeded,
  errorOfRefusal,
  errorOfRefused,
  notTaken,
  stoppingSoon,
  unavailable,
} from "./api-error.ts";

/** A request of an authenticated client, as it was parsed. */
export interface HttpRequest<B extends RequestBody = RequestBody> {
  readonly key: ApiKey;
  readonly headers: RequestHeaders;
  readonly body: B;
  /** Is published with every message of the request, and sent to the provider. */
  readonly trace: TraceHeaders;
}

/** A request that has its outcome already. */
export interface AnsweredRequest {
  readonly kind: "answered";
  readonly outcome: InferenceResponded;
  /** Publishes what belongs to the answer, after the client has received it. */
  readonly afterAnswer: () => Promise<void>;
}

/** A request that runs, so that the client waits for its outcome. */
export interface RunningRequest {
  readonly kind: "running";
  readonly ref: RequestRef;
  readonly admittedAt: EpochMillis;
  readonly deadlineAt: EpochMillis;
  /** Names this client among those that wait for the request. */
  readonly readerId: string;
  /** Whether this process has just admitted it, and so cannot have missed an event of its reply. */
  readonly isNew: boolean;
}

export type AdmissionResult = AnsweredRequest | RunningRequest;

/** The client of a request while it waits. */
export interface WaitingClient {
  /** Aborts if the client closes the connection. */
  readonly gone: AbortSignal;
  /**
   * Is called with the id of the request as soon as it is admitted, joined or answered. From then on it may be charged
   * under this id, so every response has it, also an error.
   */
  receivesId(this: void, requestId: string): void;
  /** Is called with what the limits of the request say, before it is answered or refused. */
  receivesLimits(this: void, check: LimitCheck): void;
}

/** An HTTP request with its candidate for admission. */
interface PendingRequest extends HttpRequest {
  readonly candidate: Candidate;
  readonly readerId: string;
  readonly client: WaitingClient;
}

/** Of `@sluice/redis`: the store refuses new requests, and those that it has continue. */
const storeFull = "REDIS_OUT_OF_MEMORY";

const nothing = async (): Promise<void> => undefined;

/**
 * Injection token of the producer of `inference.admitted`, on which the answer to a client waits.
 * Savings and the dead letters of the intake use the service's other producer.
 */
export const ADMISSION_PRODUCER = Symbol("producer of inference.admitted");

/** Admits HTTP requests: looks up what is known, decides, and then changes Redis and publishes. */
@Injectable()
export class HttpAdmission {
  constructor(
    private readonly declarations: Declarations,
    private readonly admissions: Admissions,
    private readonly outcomes: Outcomes,
    private readonly hits: HitFinder,
    private readonly limits: RequestLimits,
    private readonly shared: SharedAnswers,
    @Inject(ADMISSION_PRODUCER) private readonly admissionProducer: EventProducer,
    private readonly producer: EventProducer,
    private readonly clock: Clock,
    private readonly replies: Replies,
    private readonly metrics: IngressMetrics,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  /**
   * Admits a request, or answers it. A request like one that runs waits here for its answer.
   *
   * @throws ApiError if the request is refused, 503 if Redis or Kafka is unavailable, and 500 if a
   *   repeat would fail too
   */
  async admit(request: HttpRequest, client: WaitingClient): Promise<AdmissionResult> {
    const candidate = this.candidateOf(request);
    try {
      const pending = { ...request, candidate, readerId: newReaderId(), client };
      const result = await this.act(pending, await this.decide(pending));
      // A request that runs holds its slots until its outcome is set, also if its client leaves.
      if (result.kind === "answered") this.limits.release(candidate.admitted);
      return result;
    } catch (cause) {
      this.limits.release(candidate.admitted);
      if (!(cause instanceof Fault)) throw cause;
      if (!(cause instanceof TransientFault)) throw notTaken(cause);
      this.metrics.decisions.inc({ decision: "shed", reason: cause.code });
      if (cause.code === storeFull)
        throw unavailable("overloaded", "Redis has no room for new requests; try again.", cause);
      throw unavailable("unavailable", "The service cannot take requests now; try again.", cause);
    }
  }

  private candidateOf({ key, body, headers }: HttpRequest): Candidate {
    const now = this.clock.now();
    const { idempotencyKey } = headers;
    const requestId =
      idempotencyKey === null
        ? uuidv7(now)
        : idempotentRequestId(key.tenant, key.team, idempotencyKey);
    const arrival = {
      origin: "http",
      reply: body.stream ? "live" : "whole",
      remembered: idempotencyKey !== null,
      correlationId: null,
    } as const;
    const record = recordOf(requestId, body, headers);
    const attribution = attributionOf(key, record, this.installation.attributionSecret);
    return {
      admitted: admittedRecordOf(record, attribution, arrival, now),
      refusal:
        namingRefusalOf(key, record, "http") ??
        recordSizeRefusalOf(record) ??
        modelRefusalOf(body, this.declarations),
      isStale: false,
    };
  }

  private async decide(pending: PendingRequest): Promise<AdmissionDecision> {
    const { candidate } = pending;
    const { admitted } = candidate;
    const unaided = decideAdmission(candidate, nothingKnown, notLookedUp, admitted.admittedAt);
    // A wrong request is declined whatever is known of its id, so it costs no look-up.
    if (unaided.kind !== "admit") return unaided;
    const known = await this.findKnown(pending);
    if (known.kind !== "nothing")
      return decideAdmission(candidate, known, notLookedUp, this.clock.now());
    const [cached, check] = await Promise.all([
      this.hits.find(admitted),
      this.checkLimits(admitted),
    ]);
    // An admission needs the same Redis, and would fail too. A hit needs it only for its limits.
    if (check instanceof TransientFault && cached.kind !== "exact-hit") throw check;
    const counted = check instanceof TransientFault ? unlimited : check;
    pending.client.receivesLimits(counted);
    return decideAdmission(candidate, known, cached, this.clock.now(), counted.refusal);
  }

  /** Counts the request, so that hits count too. Returns the fault if Redis cannot. */
  private async checkLimits(admitted: InferenceAdmitted): Promise<LimitCheck | TransientFault> {
    try {
      const [check] = await this.limits.check([admitted]);
      return check!;
    } catch (cause) {
      if (!(cause instanceof TransientFault)) throw cause;
      this.metrics.limitChecks.inc({ result: "unavailable" });
      return cause;
    }
  }

  /** Finds the request that this one repeats: by its idempotency key, or because an SDK marks it as a retry. */
  private async findKnown(pending: PendingRequest): Promise<Known> {
    const { key, headers, candidate, readerId } = pending;
    const { bodyHash, request } = candidate.admitted;
    const isKeyed = headers.idempotencyKey !== null;
    // Without a key, only a retry can repeat a request. All other requests save the round trip.
    if (!isKeyed && headers.retryCount === 0) return nothingKnown;
    const requestId = isKeyed
      ? request.requestId
      : await this.admissions.joinable(key.tenant, key.id, bodyHash, readerId);
    if (requestId === null) return nothingKnown;
    const repeat = { ...candidate.admitted, request: { ...request, requestId } };
    const [found] = await this.admissions.find([repeat]);
    return knownByLookUp(found);
  }

  private async act(
    pending: PendingRequest,
    decision: AdmissionDecision,
  ): Promise<AdmissionResult> {
    switch (decision.kind) {
      case "admit":
        return this.share(pending, decision.admitted);
      case "answer":
        return decision.from === "cache"
          ? this.answerHit(pending, decision.outcome)
          : this.answerKnown(pending, decision.outcome);
      case "join":
        return this.join(pending, decision);
      case "decline":
        throw errorOfRefusal(decision.refusal);
      case "refuse":
        // The key of another body names another request, whose id is not this client's answer.
        if (decision.because === "answer-expired")
          pending.client.receivesId(pending.candidate.admitted.request.requestId);
        throw errorOfRefused(decision.because);
      default:
        return decision satisfies never;
    }
  }

  /** Answers the request by the answer of an identical one that runs, or else admits it. */
  private async share(
    pending: PendingRequest,
    admitted: InferenceAdmitted,
  ): Promise<AdmissionResult> {
    const entry = await this.shared.follow(admitted, pending.client.gone);
    const now = this.clock.now();
    const found = entry && this.hits.judge(admitted, entry);
    if (found?.kind === "exact-hit")
      return this.answerHit(
        pending,
        hitOutcome(admitted, found.lookup, found.entry, "ingress", now),
      );
    try {
      if (pending.client.gone.aborted) throw clientClosed();
      if (this.shared.isStopping) throw stoppingSoon();
      if (now >= admitted.deadlineAt) throw deadlineExceeded();
      const result = await this.claim(pending, admitted);
      // A concurrent repeat of its idempotency key may be the one that was admitted. Then it leads.
      if (result.kind === "running" && result.isNew) this.shared.noteAdmitted(admitted);
      return result;
    } catch (error) {
      this.shared.abandon(admitted);
      throw error;
    }
  }

  private async claim(
    pending: PendingRequest,
    admitted: InferenceAdmitted,
  ): Promise<AdmissionResult> {
    const reader = { id: pending.readerId, listener: this.replies.listener };
    const entry = { admitted, reader, join: { keyId: pending.key.id } };
    const [result] = await this.admissions.admit([entry]);
    if (result!.kind !== "first") return this.actAfterRace(pending, result!);
    pending.client.receivesId(admitted.request.requestId);
    await this.publish(admitted, pending.trace);
    this.metrics.decisions.inc({ decision: "admit", reason: "miss" });
    return { ...runningRequestOf(admitted, pending.readerId), isNew: true };
  }

  private answerKnown({ client }: PendingRequest, outcome: InferenceResponded): AnsweredRequest {
    client.receivesId(outcome.requestId);
    this.metrics.decisions.inc({ decision: "join", reason: "repeat" });
    return { kind: "answered", outcome, afterAnswer: nothing };
  }

  /**
   * With an idempotency key, a repeat must receive the same answer, so the outcome is claimed in
   * Redis. Without a key no repeat can ask for it, and the answer needs no round trip.
   */
  private async answerHit(
    pending: PendingRequest,
    outcome: InferenceResponded,
  ): Promise<AdmissionResult> {
    const { admitted } = pending.candidate;
    if (admitted.remembered) {
      const [result] = await this.admissions.admit([{ admitted }]);
      if (result!.kind !== "first") return this.actAfterRace(pending, result!);
      const [claim] = await this.outcomes.claim([outcome], "hit");
      // A concurrent repeat is already at work on this id. Join it, as after a miss.
      if (claim?.kind !== "won") return this.claim(pending, admitted);
    }
    pending.client.receivesId(outcome.requestId);
    this.metrics.decisions.inc({ decision: "answer", reason: "exact-hit" });
    const afterAnswer = () => this.publishSaving(admitted, outcome, pending.trace);
    return { kind: "answered", outcome, afterAnswer };
  }

  private async join(
    pending: PendingRequest,
    { admitted, isAcknowledged }: Extract<AdmissionDecision, { kind: "join" }>,
  ): Promise<RunningRequest> {
    pending.client.receivesId(admitted.request.requestId);
    this.metrics.decisions.inc({ decision: "join", reason: "repeat" });
    if (!isAcknowledged) await this.publish(admitted, pending.trace);
    return runningRequestOf(admitted, pending.readerId);
  }

  /** Decides again, after another process admitted the same id between our look-up and our claim. */
  private async actAfterRace(pending: PendingRequest, result: Admitted): Promise<AdmissionResult> {
    const { candidate } = pending;
    const now = this.clock.now();
    return this.act(pending, decideAdmission(candidate, knownByClaim(result), notLookedUp, now));
  }

  /** Publishes the record. Once the brokers acknowledge it, the request ends in exactly one outcome. */
  private async publish(admitted: InferenceAdmitted, trace: TraceHeaders): Promise<void> {
    const { tenant } = admitted.attribution;
    const { requestId } = admitted.request;
    await this.admissionProducer.send([outgoing(topics.inferenceAdmitted, admitted, trace)]);
    // The answer does not wait for this. If it fails, a repeat publishes the same record again, which costs more but is harmless.
    void this.admissions.acknowledge([{ tenant, requestId }]).catch(nothing);
  }

  /** Publishes what a hit saved. If this fails the saving is lost: savings are counted at most once, and no answer waits for them. */
  private async publishSaving(
    admitted: InferenceAdmitted,
    outcome: InferenceResponded,
    trace: TraceHeaders,
  ): Promise<void> {
    const saving = savingOf(admitted, outcome);
    await this.producer.send([outgoing(topics.costMetered, saving, trace)]);
    // From now on Redis may let the stored answer expire.
    const meteredAttempts = [saving.attemptNumber];
    if (admitted.remembered) await this.outcomes.published([{ outcome, meteredAttempts }]);
  }
}

function runningRequestOf(admitted: InferenceAdmitted, readerId: string): RunningRequest {
  const { admittedAt, deadlineAt } = admitted;
  const ref = refOfAdmitted(admitted);
  return { kind: "running", ref, admittedAt, deadlineAt, readerId, isNew: false };
}
