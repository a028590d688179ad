import type { InferenceResponded } from "@sluice/contracts";
import { attemptIdOf } from "@sluice/domain";
import { type ScriptReply, listOf, recordOf, textOf } from "@sluice/redis";
import { type Claim, type ClaimedBy, Outcomes, type Publication } from "../ports.ts";
import type { RedisRequests } from "./redis-requests.ts";
import { refOf } from "../request-ref.ts";
import { claimOutcomeScript } from "./scripts/claim-outcome.ts";
import { publishedScript } from "./scripts/published.ts";

/** Returns the id under which the dispatcher reserved for the request. */
function firstAttemptIdOf({ attribution, requestId, admittedAt }: InferenceResponded): string {
  return attemptIdOf(attribution.tenant, requestId, admittedAt, 1);
}

export class RedisOutcomes extends Outcomes {
  readonly #requests: RedisRequests;

  constructor(requests: RedisRequests) {
    super();
    this.#requests = requests;
  }

  override async claim(
    outcomes: readonly InferenceResponded[],
    by: ClaimedBy,
  ): Promise<readonly Claim[]> {
    const runs = outcomes.map((outcome) => ({
      ref: refOf(outcome),
      args: [...this.#requests.outcomeArgs(outcome), by, firstAttemptIdOf(outcome)],
    }));
    const replies = await this.#requests.run(claimOutcomeScript, runs);
    return Promise.all(outcomes.map((outcome, index) => this.#claimOf(outcome, replies[index])));
  }

  override async published(publications: readonly Publication[]): Promise<void> {
    const runs = publications.map(({ outcome, meteredAttempts }) => ({
      ref: refOf(outcome),
      args: [outcome.remembered ? 1 : 0, outcome.deadlineAt, meteredAttempts.join(" ")],
    }));
    await this.#requests.run(publishedScript, runs);
  }

  async #claimOf(ours: InferenceResponded, reply: ScriptReply | undefined): Promise<Claim> {
    const [word, bytes] = listOf(reply);
    const kind = textOf(word);
    if (kind === "answer-gone" || kind === "attempt-held") return { kind };
    const { records } = this.#requests;
    const standing = await recordOf(bytes, (stored) => records.outcomeOf(stored));
    return { kind: kind === "won" ? "won" : "lost", outcome: standing ?? ours };
  }
}
