import {
  type Decision,
  type InferenceAdmitted,
  type InferenceResponded,
  type Lookup,
  topics,
} from "@sluice/contracts";
import { type Clock, SystemClock } from "@sluice/domain";
import { DeadLetterOutcome, type Outgoing } from "@sluice/stage";
import { refusedOutcome } from "./outcome-of.ts";
import type { Attempts, AttemptState, Outcomes } from "./ports.ts";
import { respondedMessage } from "./responded-message.ts";

/** What a record between admission and attempt says of its request. */
interface Underway {
  readonly admitted: InferenceAdmitted;
  readonly lookup: Lookup | null;
  readonly decisions: readonly Decision[];
}

const afterAdmission: ReadonlySet<string> = new Set([
  topics.inferenceMissed.name,
  topics.inferenceClassified.name,
  topics.inferenceDispatchedRealtime.name,
]);

/**
 * An admitted request whose message became a dead letter fails, so that nobody
 * waits for it and its budget is released. On other topics nobody waits: a
 * message on `inference.requested` was never admitted, and what stands in the
 * other topics has ended or will be counted by its own reader.
 */
export class OutcomeDeadLetters extends DeadLetterOutcome {
  readonly #outcomes: Outcomes;
  readonly #attempts: Attempts;
  readonly #clock: Clock;

  constructor(outcomes: Outcomes, attempts: Attempts, clock: Clock = new SystemClock()) {
    super();
    this.#outcomes = outcomes;
    this.#attempts = attempts;
    this.#clock = clock;
  }

  override async failed(
    topic: string,
    record: unknown,
    code: string,
  ): Promise<readonly Outgoing[]> {
    const underway = underwayOf(topic, record);
    if (!underway) return [];
    const [claim] = await this.#outcomes.claim([await this.#failure(underway, code)], "decision");
    // Whoever set it first: a later claimant publishes the first outcome again.
    return claim?.kind === "won" || claim?.kind === "lost" ? [respondedMessage(claim.outcome)] : [];
  }

  async #failure(underway: Underway, code: string): Promise<InferenceResponded> {
    const { admitted, lookup, decisions } = underway;
    const { tenant } = admitted.attribution;
    const { attempts } = await this.#attempts.history({
      tenant,
      requestId: admitted.request.requestId,
    });
    const decision = { stage: "dead-letter", decision: "failed", reasons: [code] };
    return refusedOutcome(admitted, {
      kind: "failed",
      code: "internal_error",
      reason: `The request could not be processed (${code}). It is kept for the operator; send it again under another id.`,
      attempts: attempts.filter(hasCalled).length,
      lookup,
      decisions: [...decisions, decision],
      completedAt: this.#clock.now(),
    });
  }
}

function underwayOf(topic: string, record: unknown): Underway | null {
  if (topic === topics.inferenceAdmitted.name) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the topic's type says so
    const admitted = record as InferenceAdmitted;
    return { admitted, lookup: admitted.lookup, decisions: admitted.decisions };
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the topic's type says so
  return afterAdmission.has(topic) ? (record as Underway) : null;
}

function hasCalled({ phase }: AttemptState): boolean {
  return phase !== "held" && phase !== "released";
}
