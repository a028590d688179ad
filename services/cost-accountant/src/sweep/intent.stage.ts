import { Inject, Injectable } from "@nestjs/common";
import { type InferenceAttempted, topics } from "@sluice/contracts";
import { Clock } from "@sluice/domain";
import { deadLetter, type Delivery, type Effect, gathering, skip, SliceStage } from "@sluice/stage";
import { Stage } from "@sluice/stage/nest";
import {
  ATTRIBUTION_TRUST,
  type AttributionProblem,
  attributionProblemOf,
  type AttributionTrust,
} from "../charge/attribution-check.ts";
import { Ledger } from "../ledger/ledger.ts";
import { AccountantMetrics } from "../metrics.ts";

/** Names the consumer group that stores intents; a rebuild of budgets reads its committed offsets. */
export const intentsGroup = "cost-accountant.intents";

/** Stores announced attempts in the ledger, so that the sweep finds those that are never metered. */
@Injectable()
@Stage({
  on: topics.inferenceAttempted,
  group: intentsGroup,
  sliceMax: 1_000,
  settings: gathering,
})
export class IntentStage extends SliceStage<InferenceAttempted> {
  constructor(
    private readonly ledger: Ledger,
    private readonly clock: Clock,
    private readonly metrics: AccountantMetrics,
    @Inject(ATTRIBUTION_TRUST) private readonly trust: AttributionTrust,
  ) {
    super();
  }

  override async process(
    slice: readonly Delivery<InferenceAttempted>[],
  ): Promise<readonly Effect[]> {
    const problems = slice.map(({ record }) => this.problemOf(record));
    // A forged intent must not replace that of a real attempt, whose estimate is made from it.
    const believed = slice.filter((_, index) => !problems[index]);
    await this.ledger.noteIntents(
      believed.map(({ partition, record }) => ({ partition, intent: record })),
    );
    return problems.map((problem) =>
      problem ? deadLetter(problem.code, problem.reason) : skip("stored for the sweep"),
    );
  }

  /** Uses the accountant's clock, because the times of this topic are those of its writers. */
  private problemOf(intent: InferenceAttempted): AttributionProblem | undefined {
    const problem = attributionProblemOf(intent, this.trust, this.clock.now());
    if (problem) this.metrics.attributionRefused(topics.inferenceAttempted.name, problem.code);
    return problem;
  }
}
