import { type InferenceAdmitted, type InferenceRequested, topics } from "@sluice/contracts";
import type { Declarations } from "@sluice/declarations";
import { type Clock } from "@sluice/domain";
import {
  type Admissions,
  effectOfClaim,
  notePublished,
  type Outcomes,
  refOfAdmitted,
  refusedOutcome,
  respondedMessage,
} from "@sluice/request-state";
import {
  deadLetter,
  type Delivery,
  type Effect,
  emit,
  outgoing,
  skip,
  SliceStage,
  traced,
  traceInOrNew,
} from "@sluice/stage";
import { type Checked, checkIntake, type Intake, intakeOf } from "./intake.ts";
import type { ApiKeys } from "../admission/api-keys.ts";
import type { IngressMetrics } from "../metrics.ts";

type Proven = Extract<Checked, { kind: "proven" }>;

/** Lets in what producers put on the request topic: signature, validity, then once per request id. */
export class IntakeStage extends SliceStage<InferenceRequested> {
  constructor(
    private readonly keys: ApiKeys,
    private readonly declarations: Declarations,
    private readonly admissions: Admissions,
    private readonly outcomes: Outcomes,
    private readonly clock: Clock,
    private readonly metrics: IngressMetrics,
  ) {
    super();
  }

  override async process(
    slice: readonly Delivery<InferenceRequested>[],
  ): Promise<readonly Effect[]> {
    const now = this.clock.now();
    const checked = slice.map((message) => checkIntake(message, this.keys, this.declarations, now));
    const intakes = await this.decide(await this.withoutStale(checked));
    const effects = await this.act(intakes);
    intakes.forEach(({ kind }) => this.metrics.decisions.inc({ decision: kind, reason: "kafka" }));
    // A request without a trace gets one here, as over HTTP; what has one keeps it.
    return effects.map((effect, index) => traced(effect, traceInOrNew(slice[index]!.headers)));
  }

  override async settled(
    _slice: readonly Delivery<InferenceRequested>[],
    effects: readonly Effect[],
  ): Promise<void> {
    const admitted = admittedIn(effects);
    if (admitted.length > 0) await this.admissions.acknowledge(admitted.map(refOfAdmitted));
    await notePublished(this.outcomes, effects);
  }

  /** A recording is only dangerous where its id is no longer, or not yet, known. */
  private async withoutStale(checked: readonly Checked[]): Promise<readonly Checked[]> {
    const stale = checked.filter((each): each is Proven => each.kind === "proven" && !each.isFresh);
    if (stale.length === 0) return checked;
    const known = await this.admissions.find(stale.map(({ admitted }) => refOfAdmitted(admitted)));
    const unknown = new Set<Checked>(stale.filter((_, index) => known[index] === null));
    return checked.map((each) => (unknown.has(each) ? tooOld : each));
  }

  private async decide(checked: readonly Checked[]): Promise<readonly Intake[]> {
    const proven = checked.filter((each) => each.kind === "proven");
    const answers =
      proven.length === 0
        ? []
        : await this.admissions.admit(proven.map(({ admitted }) => ({ admitted })));
    const answerOf = new Map(proven.map((each, index) => [each, answers[index]!]));
    return checked.map((each) =>
      each.kind === "proven" ? intakeOf(each, answerOf.get(each)!) : each,
    );
  }

  private async act(intakes: readonly Intake[]): Promise<readonly Effect[]> {
    const now = this.clock.now();
    const declined = intakes.filter((intake) => intake.kind === "decline");
    const claims =
      declined.length === 0
        ? []
        : await this.outcomes.claim(
            declined.map(({ admitted, refusal }) =>
              refusedOutcome(admitted, {
                kind: "declined",
                code: refusal.code,
                reason: refusal.reason,
                attempts: 0,
                lookup: null,
                completedAt: now,
                decisions: [
                  { stage: "ingress", decision: refusal.code, reasons: [refusal.reason] },
                ],
              }),
            ),
            "decision",
          );
    const claimOf = new Map(declined.map((intake, index) => [intake, claims[index]!]));
    return intakes.map((intake) =>
      intake.kind === "decline" ? effectOfClaim(claimOf.get(intake)!) : effectOf(intake),
    );
  }
}

const tooOld: Checked = {
  kind: "dead-letter",
  code: "INTAKE_SIGNATURE_STALE",
  reason: "sluice-issued-at must be within 5 minutes of the message's append time.",
};

function effectOf(intake: Exclude<Intake, { kind: "decline" }>): Effect {
  switch (intake.kind) {
    case "admit":
      return emit(outgoing(topics.inferenceAdmitted, intake.admitted));
    case "answer":
      return emit(respondedMessage(intake.known.outcome!));
    case "skip":
      return skip(intake.reason);
    case "dead-letter":
      return deadLetter(intake.code, intake.reason);
    default:
      return intake satisfies never;
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
