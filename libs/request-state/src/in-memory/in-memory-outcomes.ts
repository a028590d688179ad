import type { InferenceResponded } from "@sluice/contracts";
import { type InMemoryRequests, isLive, isSameOutcome } from "./in-memory-requests.ts";
import { answerKeptAfterDeadlineMs, answerKeptMinMs, rememberedAnswerKeptMs } from "../limits.ts";
import { type Claim, type ClaimedBy, Outcomes } from "../ports.ts";
import { refOf } from "../request-ref.ts";
import { withoutMessages } from "../without-messages.ts";

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

  override async published(outcomes: readonly InferenceResponded[]): Promise<void> {
    const now = this.#requests.clock.now();
    for (const outcome of outcomes) {
      const request = this.#requests.find(refOf(outcome));
      if (!request?.outcomeBy || request.answerExpiresAt !== null) continue;
      request.answerExpiresAt = outcome.remembered
        ? now + rememberedAnswerKeptMs
        : Math.max(outcome.deadlineAt + answerKeptAfterDeadlineMs, now + answerKeptMinMs);
      if (request.admitted) request.admitted = withoutMessages(request.admitted);
    }
  }

  #claim(outcome: InferenceResponded, by: ClaimedBy): Claim {
    const request = this.#requests.findOrCreate(refOf(outcome));
    if (request.outcomeBy !== null) {
      const first = this.#requests.answerOf(request);
      if (!first) return { kind: "answer-gone" };
      const isOurs = isSameOutcome(first, outcome) || (by === "hit" && request.outcomeBy === "hit");
      return { kind: isOurs ? "won" : "lost", outcome: first };
    }
    const phases = [...request.attempts.values()].map(({ phase }) => phase);
    if (by === "hit" && phases.some((phase) => isLive(phase) || phase === "finished"))
      return { kind: "attempt-held" };
    this.#requests.setOutcome(refOf(outcome), outcome, by);
    return { kind: "won", outcome };
  }
}
