import { Injectable } from "@nestjs/common";
import { type InferenceAttempted, topics } from "@sluice/contracts";
import { type Delivery, type Effect, gathering, skip, SliceStage } from "@sluice/stage";
import { Stage } from "@sluice/stage/nest";
import { Ledger } from "../ledger/ledger.ts";

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
  constructor(private readonly ledger: Ledger) {
    super();
  }

  override async process(
    slice: readonly Delivery<InferenceAttempted>[],
  ): Promise<readonly Effect[]> {
    await this.ledger.noteIntents(
      slice.map(({ partition, record }) => ({ partition, intent: record })),
    );
    return slice.map(() => skip("stored for the sweep"));
  }
}
