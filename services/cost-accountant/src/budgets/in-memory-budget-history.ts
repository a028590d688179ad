import { type BudgetSnapshot, windowIdOf } from "@sluice/budgets";
import type { BudgetWindow } from "@sluice/contracts";
import type { NanoUsd } from "@sluice/domain";
import type { InMemoryLedger } from "../ledger/in-memory-ledger.ts";
import { BudgetHistory } from "./budget-history.ts";
import { openReservationsOf } from "./open-reservations.ts";

/** The history of budgets in a ledger in memory, for tests. */
export class InMemoryBudgetHistory extends BudgetHistory {
  readonly #epochs = new Map<string, number>();

  constructor(private readonly ledger: InMemoryLedger) {
    super();
  }

  override async raiseEpoch(tenant: string, last: number): Promise<number> {
    const epoch = Math.max(this.#epochs.get(tenant) ?? -1, last) + 1;
    this.#epochs.set(tenant, epoch);
    return epoch;
  }

  override async tenants(): Promise<readonly string[]> {
    return [...this.#epochs.keys()];
  }

  override async snapshot(tenant: string): Promise<Omit<BudgetSnapshot, "tenant" | "epoch">> {
    const spent = new Map<string, { window: BudgetWindow; spentNanoUsd: NanoUsd }>();
    for (const { charge } of this.ledger.entries.values()) {
      if (charge.attribution.tenant !== tenant) continue;
      for (const window of charge.windows) {
        const id = windowIdOf(tenant, window);
        const before = spent.get(id)?.spentNanoUsd ?? 0n;
        spent.set(id, { window, spentNanoUsd: before + charge.amountNanoUsd });
      }
    }
    const intents = this.ledger.unchargedIntents.filter(
      ({ attribution }) => attribution.tenant === tenant,
    );
    return {
      settled: this.ledger.lastSequences,
      spent: [...spent.values()],
      open: openReservationsOf(intents),
    };
  }
}
