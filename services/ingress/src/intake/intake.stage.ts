import { Inject, Injectable } from "@nestjs/common";
import { type InferenceAdmitted, type InferenceRequested, topics } from "@sluice/contracts";
import { Declarations } from "@sluice/declarations";
import { Clock, type EpochMillis } from "@sluice/domain";
import {
  Admissions,
  effectOfClaim,
  notePublished,
  Outcomes,
  RateLimits,
  refOfAdmitted,
  refusedOutcome,
  respondedMessage,
} from "@sluice/request-state";
import {
  deadLetter,
  type DeadLettering,
  type Delivery,
  type Effect,
  emit,
  outgoing,
  skip,
  SliceStage,
  traced,
  traceInOrNew,
  type Undecoded,
} from "@sluice/stage";
import { Stage } from "@sluice/stage/nest";
import { type Logger, LOGGER } from "@sluice/telemetry";
import { decideAdmission, notLookedUp } from "../admission/admit.ts";
import { ApiKeys } from "../admission/api-keys.ts";
import type { Candidate } from "../admission/candidate.ts";
import { type Known, knownByClaim, nothingKnown } from "../admission/known-request.ts";
import { INSTALLATION, type Installation } from "../installation.ts";
import { RequestLimits } from "../limits/request-limits.ts";
import { IngressMetrics } from "../metrics.ts";
import type { Refusal } from "../request/refusal.ts";
import { type IntakeAction, intakeActionOf } from "./intake-action.ts";
import { checkMessage, type IntakeCheck, type Signer, signerOf } from "./intake-check.ts";
import { SendingTenants, shedIn, shedRefusal } from "./work-in-flight.ts";

/** Longer values, in bytes, are dead-lettered undecoded: this is the most that the topic takes, unpacked. */
const valueBytesMax = 2 * 1_024 * 1_024;

/** The injection token of the number of requests from Kafka that may be in flight before tenants above their share are shed. */
export const IN_FLIGHT_MAX = Symbol("most requests in flight");

/** Admits the signed requests of the request topic, each request id once. */
@Injectable()
@Stage({
  on: topics.inferenceRequested,
  group: "ingress.intake",
  unknownSchemas: "dead-letter",
  valueBytesMax,
})
export class IntakeStage extends SliceStage<InferenceRequested> {
  /** By the bytes that were signed, so that a signature is computed once. */
  private readonly signers = new WeakMap<Buffer, Signer>();
  /** The ids of the keys that were logged, at most as many as are declared. */
  private readonly outdatedKeys = new Set<string>();
  private readonly tenants = new SendingTenants();
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly keys: ApiKeys,
    private readonly declarations: Declarations,
    private readonly admissions: Admissions,
    private readonly outcomes: Outcomes,
    private readonly limits: RequestLimits,
    private readonly rateLimits: RateLimits,
    @Inject(IN_FLIGHT_MAX) private readonly inFlightMax: number,
    private readonly clock: Clock,
    private readonly metrics: IngressMetrics,
    @Inject(INSTALLATION) private readonly installation: Installation,
    @Inject(LOGGER) private readonly logger: Pick<Logger, "warn">,
  ) {
    super();
  }

  override async process(
    slice: readonly Delivery<InferenceRequested>[],
  ): Promise<readonly Effect[]> {
    const now = this.clock.now();
    const checks = slice.map((message) => this.check(message, now));
    const candidates = checks.flatMap(candidateIn);
    const known = await this.gather(candidates);
    const admitted = candidates.filter((each) => actionOf(each, known, now).kind === "admit");
    const limited = await this.inTurn(() => this.declinedAmong(admitted, known, now));
    const actions = checks.map((check) =>
      check.kind === "candidate"
        ? actionOf(check.candidate, known, now, limited.get(check.candidate))
        : check,
    );
    const effects = await this.act(actions);
    for (const action of actions)
      this.metrics.decisions.inc({ decision: decisionOf(action), reason: "kafka" });
    // A request without a trace gets a new one here, as over HTTP.
    return effects.map((effect, index) => traced(effect, traceInOrNew(slice[index]!.headers)));
  }

  /** A sender without a key must not have anything decoded, or a schema looked up. */
  override refuseUndecoded(message: Undecoded): DeadLettering | undefined {
    const signer = this.signerOf(message);
    if (signer.kind === "signer") {
      this.signers.set(message.value, signer);
      return undefined;
    }
    this.metrics.decisions.inc({ decision: "dead-letter", reason: "kafka" });
    return signer;
  }

  private check(message: Delivery<InferenceRequested>, now: EpochMillis): IntakeCheck {
    const signer = this.signers.get(message.value) ?? this.signerOf(message);
    if (signer.kind !== "signer") return signer;
    const { declarations } = this;
    const { attributionSecret } = this.installation;
    return checkMessage(message, signer, { declarations, attributionSecret, now });
  }

  private signerOf(message: Undecoded): ReturnType<typeof signerOf> {
    const signer = signerOf(message, this.keys, this.installation);
    if (signer.kind === "signer") this.note(signer);
    return signer;
  }

  /** Metrics have no key, so the log names each key whose producer has to be updated, once a process. */
  private note({ form, key: { id } }: Signer): void {
    this.metrics.signatures.inc({ form });
    if (form === "second" || this.outdatedKeys.has(id)) return;
    this.outdatedKeys.add(id);
    this.logger.warn(
      { keyId: id },
      "a producer signs as version 0.1.0 did, which is accepted until version 0.3.0",
    );
  }

  override async settled(
    _slice: readonly Delivery<InferenceRequested>[],
    effects: readonly Effect[],
  ): Promise<void> {
    const admitted = admittedIn(effects);
    if (admitted.length > 0) await this.admissions.acknowledge(admitted.map(refOfAdmitted));
    await notePublished(this.outcomes, effects);
  }

  /**
   * Claims the ids of all candidates in one round trip, and learns what was known of them before. A
   * stale candidate with an unknown id is not claimed: it is refused, and must leave no trace.
   */
  private async gather(candidates: readonly Candidate[]): Promise<ReadonlyMap<Candidate, Known>> {
    const unknown = await this.unknownAmong(candidates.filter(({ isStale }) => isStale));
    const claimed = candidates.filter((candidate) => !unknown.has(candidate));
    if (claimed.length === 0) return new Map();
    const results = await this.admissions.admit(claimed.map(({ admitted }) => ({ admitted })));
    return new Map(claimed.map((candidate, index) => [candidate, knownByClaim(results[index]!)]));
  }

  /** The slices of several partitions take turns, so that each finds what the one before it has put in flight. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }

  /** Returns why a share or a limit declines some of the requests that would be admitted. */
  private async declinedAmong(
    admitted: readonly Candidate[],
    known: ReadonlyMap<Candidate, Known>,
    now: EpochMillis,
  ): Promise<ReadonlyMap<Candidate, Refusal>> {
    if (admitted.length === 0) return new Map();
    const tenants = this.tenants.seen(admitted.map(tenantOf), now);
    const counts = await this.rateLimits.inFlight(tenants);
    const inFlight = new Map(tenants.map((tenant, index) => [tenant, counts[index]!]));
    // A request that was admitted before, and may not be published, is in flight: its share was checked.
    const isNew = (candidate: Candidate) => known.get(candidate)?.kind === "nothing";
    return this.limit(admitted, this.shed(admitted.filter(isNew), inFlight));
  }

  /** Returns those that exceed the share of their tenants. */
  private shed(
    candidates: readonly Candidate[],
    byTenant: ReadonlyMap<string, number>,
  ): ReadonlyMap<Candidate, Refusal> {
    const weightOf = (tenant: string) => this.declarations.weightOf(tenant);
    const isShed = shedIn(candidates.map(tenantOf), { max: this.inFlightMax, byTenant, weightOf });
    const shed = candidates.filter((_, index) => isShed[index]);
    return new Map(shed.map((candidate) => [candidate, shedRefusal(tenantOf(candidate))]));
  }

  /**
   * Counts the requests that are not shed in their limits, and in the work in flight. Returns why requests are declined. A
   * request that is in flight already, because it is delivered again, is not counted twice.
   */
  private async limit(
    candidates: readonly Candidate[],
    shed: ReadonlyMap<Candidate, Refusal>,
  ): Promise<ReadonlyMap<Candidate, Refusal>> {
    const rest = candidates.filter((candidate) => !shed.has(candidate));
    const checks = await this.limits.check(
      rest.map(({ admitted }) => admitted),
      true,
    );
    const declined = rest.flatMap((candidate, index) => {
      const refusal = checks[index]?.refusal;
      return refusal ? [[candidate, refusal] as const] : [];
    });
    return new Map([...shed, ...declined]);
  }

  private async unknownAmong(stale: readonly Candidate[]): Promise<ReadonlySet<Candidate>> {
    if (stale.length === 0) return new Set();
    const found = await this.admissions.find(stale.map(({ admitted }) => admitted));
    return new Set(stale.filter((_, index) => found[index] === null));
  }

  private async act(actions: readonly IntakeAction[]): Promise<readonly Effect[]> {
    const now = this.clock.now();
    const version = this.declarations.version();
    const declined = actions.filter((action) => action.kind === "decline");
    const outcomes = declined.map(({ admitted, refusal: { code, reason, retryAfterMs } }) =>
      refusedOutcome(admitted, {
        kind: "declined",
        code,
        reason,
        retryAfterMs: retryAfterMs ?? undefined,
        attempts: 0,
        lookup: null,
        completedAt: now,
        decisions: [{ stage: "ingress", decision: code, reasons: [reason], version }],
      }),
    );
    const claims = declined.length === 0 ? [] : await this.outcomes.claim(outcomes, "decision");
    const claimOf = new Map(declined.map((action, index) => [action, claims[index]!]));
    return actions.map((action) =>
      action.kind === "decline" ? effectOfClaim(claimOf.get(action)!) : effectOf(action),
    );
  }
}

function candidateIn(check: IntakeCheck): readonly Candidate[] {
  return check.kind === "candidate" ? [check.candidate] : [];
}

function actionOf(
  candidate: Candidate,
  known: ReadonlyMap<Candidate, Known>,
  now: number,
  limited?: Refusal,
): IntakeAction {
  const knownOfIt = known.get(candidate) ?? nothingKnown;
  return intakeActionOf(decideAdmission(candidate, knownOfIt, notLookedUp, now, limited));
}

function tenantOf({ admitted }: Candidate): string {
  return admitted.attribution.tenant;
}

/** The label of the metric: a request that is shed is right, and there is no room for it. */
function decisionOf(action: IntakeAction): string {
  return action.kind === "decline" && action.refusal.code === "shed" ? "shed" : action.kind;
}

function effectOf(action: Exclude<IntakeAction, { kind: "decline" }>): Effect {
  switch (action.kind) {
    case "admit":
      return emit(outgoing(topics.inferenceAdmitted, action.admitted));
    case "answer":
      return emit(respondedMessage(action.outcome));
    case "skip":
      return skip(action.reason);
    case "dead-letter":
      return deadLetter(action.code, action.reason);
    default:
      return action satisfies never;
  }
}

function admittedIn(effects: readonly Effect[]): readonly InferenceAdmitted[] {
  return effects.flatMap((effect) =>
    effect.kind === "emit"
      ? effect.messages
          .filter(({ topic }) => topic.name === topics.inferenceAdmitted.name)
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the topic's type says so
          .map(({ record }) => record as InferenceAdmitted)
      : [],
  );
}
