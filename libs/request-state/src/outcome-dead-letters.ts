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
import { refOfAdmitted } from "./request-ref.ts";
import { respondedMessage } from "./responded-message.ts";

/** The members that all records between admission and attempt have. */
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
 * Fails an admitted request whose message became a dead letter, so that its client gets a response
 * and its budget is released. Does nothing for other topics: a message on `inference.requested` was
 * not admitted, and a message on any other topic is about a request that ends without it.
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
    // The handler of a dispatched message was the one that runs its attempt. A message of an earlier stage
    // may be a late copy, and the attempt of the first one still ends the request.
    const by = topic === topics.inferenceDispatchedRealtime.name ? "abandoned" : "decision";
    const [claim] = await this.#outcomes.claim([await this.#failure(underway, code)], by);
    // Also publishes an outcome that another stage set first. Its publisher may have crashed before publishing.
    return claim?.kind === "won" || claim?.kind === "lost" ? [respondedMessage(claim.outcome)] : [];
  }

  async #failure(underway: Underway, code: string): Promise<InferenceResponded> {
    const { admitted, lookup, decisions } = underway;
    const { attempts } = await this.#attempts.history(refOfAdmitted(admitted));
    const decision = { stage: "dead-letter", decision: "failed", reasons: [code], version: 0n };
    return refusedOutcome(admitted, {
      kind: "failed",
      code: "internal_error",
      reason: `Sluice could not process the request (${code}). The operator can look at its message. Send the request again with another id.`,
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
