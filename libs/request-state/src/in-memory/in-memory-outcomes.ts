import type { InferenceResponded } from "@sluice/contracts";
import { attemptIdOf } from "@sluice/domain";
import {
  type InMemoryRequests,
  isLive,
  isSameOutcome,
  type StoredAttempt,
} from "./in-memory-requests.ts";
import { answerKeptAfterDeadlineMs, answerKeptMinMs, rememberedAnswerKeptMs } from "../limits.ts";
import { type Claim, type ClaimedBy, Outcomes, type Publication } from "../ports.ts";
import { refOf } from "../request-ref.ts";

/** Fake of {@link Outcomes} for tests. Passes the same contract as the Redis adapter. */
export class InMemoryOutcomes extends Outcomes {
  readonly #requests: InMemoryRequests;

  constructor(requests: InMemoryRequests) {
    super();
    this.#requests = requests;
  }

  override async claim(
    outcomes: readonly InferenceResponded[],
    by: ClaimedBy,
  ): Promise<readonly Claim[]> {
    return outcomes.map((outcome) => this.#claim(outcome, by));
  }

  override async published(publications: readonly Publication[]): Promise<void> {
    const now = this.#requests.clock.now();
    for (const { outcome, meteredAttempts } of publications) {
      const request = this.#requests.find(refOf(outcome));
      if (!request?.outcomeBy) continue;
      request.answerExpiresAt ??= outcome.remembered
        ? now + rememberedAnswerKeptMs
        : Math.max(outcome.deadlineAt + answerKeptAfterDeadlineMs, now + answerKeptMinMs);
      const attempts = [...request.attempts];
      if (!attempts.every((attempt) => this.#isClosed(attempt, meteredAttempts))) continue;
      request.attempts.clear();
      request.outcomeBy = "published";
    }
  }

  /** Returns whether the attempt neither runs nor has usage that is not yet acknowledged. */
  #isClosed(
    [number, attempt]: readonly [number, StoredAttempt],
    metered: readonly number[],
  ): boolean {
    const { phase } = attempt;
    if (this.#isCalling(attempt)) return false;
    return (phase !== "held" && attempt.metered === null) || metered.includes(number);
  }

  /** Returns whether the call runs. Its owner has crashed if the lease has expired. */
  #isCalling(attempt: StoredAttempt): boolean {
    return attempt.phase === "calling" && this.#requests.leaseLeftMs(attempt) > 0;
  }

  #claim(outcome: InferenceResponded, by: ClaimedBy): Claim {
    const request = this.#requests.findOrCreate(refOf(outcome));
    if (request.outcomeBy !== null) {
      const first = this.#requests.answerOf(request);
      if (!first) return { kind: "answer-gone" };
      const isOurs = isSameOutcome(first, outcome) || (by === "hit" && request.outcomeBy === "hit");
      return { kind: isOurs ? "won" : "lost", outcome: first };
    }
    const attempts = [...request.attempts.values()];
    if (by === "hit" && attempts.some(({ phase }) => isLive(phase) || phase === "finished"))
      return { kind: "attempt-held" };
    if (by === "decision" && attempts.some((attempt) => this.#isCalling(attempt)))
      return { kind: "attempt-held" };
    this.#requests.setOutcome(refOf(outcome), outcome, by);
    const { attribution, requestId, admittedAt } = outcome;
    const firstAttemptId = attemptIdOf(attribution.tenant, requestId, admittedAt, 1);
    this.#requests.budgets.releaseOpen(attribution.tenant, firstAttemptId);
    return { kind: "won", outcome };
  }
}
