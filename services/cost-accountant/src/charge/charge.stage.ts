import { Inject, Injectable } from "@nestjs/common";
import { Settlements } from "@sluice/budgets";
import { type CostCharged, type CostMetered, topics } from "@sluice/contracts";
import { Declarations } from "@sluice/declarations";
import { Clock } from "@sluice/domain";
import {
  deadLetter,
  type Delivery,
  type Effect,
  emit,
  gathering,
  outgoing,
  skip,
  SliceStage,
} from "@sluice/stage";
import { Stage } from "@sluice/stage/nest";
import { settlementsOf } from "../budgets/settlements-of.ts";
import {
  ATTRIBUTION_TRUST,
  attributionProblemOf,
  type AttributionTrust,
} from "./attribution-check.ts";
import type { Verdict } from "./charge.ts";
import { foldSlice } from "./fold-slice.ts";
import { AccountantMetrics } from "../metrics.ts";
import { OwnedPartitions } from "./owned-partitions.ts";
import { Ledger, type SlicePlace } from "../ledger/ledger.ts";

/** Names the consumer group that charges; the sweeper reads its committed offsets. */
export const chargingGroup = "cost-accountant";

/**
 * Turns metered usage into charges. The order of effects gives the guarantee: ledger, then budgets,
 * then cost.charged, then the offset. A repetition after a crash finds the rows of the ledger, settles
 * and publishes those again, and charges nothing.
 */
@Injectable()
@Stage({ on: topics.costMetered, group: chargingGroup, sliceMax: 1_000, settings: gathering })
export class ChargeStage extends SliceStage<CostMetered> {
  constructor(
    private readonly ledger: Ledger,
    private readonly settlements: Settlements,
    private readonly declarations: Declarations,
    private readonly clock: Clock,
    private readonly owned: OwnedPartitions,
    private readonly metrics: AccountantMetrics,
    @Inject(ATTRIBUTION_TRUST) private readonly trust: AttributionTrust,
  ) {
    super();
  }

  override async onAssigned(partitions: readonly number[]): Promise<void> {
    this.owned.assign(partitions);
  }

  override onRevoked(partitions: readonly number[]): void {
    this.owned.revoke(partitions);
  }

  override async process(slice: readonly Delivery<CostMetered>[]): Promise<readonly Effect[]> {
    const problems = slice.map((metered) => this.problemOf(metered));
    // A record that is not believed changes nothing in the ledger: its attempt stays open, and the sweep estimates it.
    const meterings = slice.flatMap(({ record }, index) => (problems[index] ? [] : [record]));
    const book = this.declarations.priceBook();
    const now = this.clock.now();
    const { outcome, numbers } = await this.ledger.fold(placeOf(slice, meterings), (recorded) =>
      foldSlice(meterings, recorded, book, now),
    );
    const believed = outcome.verdicts.values();
    const verdicts = problems.map((problem) => problem ?? believed.next().value!);
    // Counted before settling: if settling fails, the repetition finds the charges recorded and
    // would not count them.
    this.metrics.folded(verdicts);
    await this.settlements.settle(settlementsOf(verdicts, numbers));
    return verdicts.map(effectOf);
  }

  private problemOf({ record, appendedAt }: Delivery<CostMetered>): Verdict | undefined {
    const problem = attributionProblemOf(record, this.trust, appendedAt);
    if (problem) this.metrics.attributionRefused(topics.costMetered.name, problem.code);
    return problem;
  }
}

function placeOf(
  slice: readonly Delivery<CostMetered>[],
  meterings: readonly CostMetered[],
): SlicePlace {
  const last = slice.at(-1)!;
  return {
    topic: last.topic,
    partition: last.partition,
    nextOffset: last.offset + 1n,
    attemptIds: [...new Set(meterings.map(({ attemptId }) => attemptId))],
  };
}

function chargesIn(verdict: Verdict): readonly CostCharged[] {
  switch (verdict.kind) {
    case "charge":
      return [verdict.entry.charge];
    case "recorded":
      return [verdict.charge];
    case "superseded":
    case "dead-letter":
      return [];
    default:
      return verdict satisfies never;
  }
}

function effectOf(verdict: Verdict): Effect {
  if (verdict.kind === "dead-letter") return deadLetter(verdict.code, verdict.reason);
  if (verdict.kind === "superseded")
    return skip("an estimate of an attempt that has already been reported");
  const charges = chargesIn(verdict);
  return emit(...charges.map((charge) => outgoing(topics.costCharged, charge)));
}
