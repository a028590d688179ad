import { Inject, Injectable } from "@nestjs/common";
import type { InferenceAttempted } from "@sluice/contracts";
import { type Delivery, type Effect, skip, SliceStage } from "@sluice/stage";
import { Ledger } from "../ledger/ledger.ts";

/** Stores announced attempts in the ledger, so that the sweep finds those that are never metered. */
@Injectable()
export class IntentStage extends SliceStage<InferenceAttempted> {
  constructor(@Inject(Ledger) private readonly ledger: Ledger) {
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
