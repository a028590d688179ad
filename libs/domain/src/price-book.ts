import type { EpochMillis } from "./clock.ts";
import type { Rates } from "./price.ts";

/** The rates of one variant from a date on, optionally for long inputs only. */
export interface PriceEntry {
  readonly variant: string;
  readonly effectiveFrom: EpochMillis;
  /** The entry applies if all input tokens together exceed this; null: always. */
  readonly inputAboveTokens: bigint | null;
  readonly rates: Rates;
}

export interface ApplicablePrice {
  readonly rates: Rates;
  /** Names the entry, so that a charge states which price it used. */
  readonly version: string;
}

/** All rates with their dates. Pure: the same book, variant, time and size always give the same price. */
export class PriceBook {
  readonly #entries: readonly PriceEntry[];

  constructor(entries: readonly PriceEntry[]) {
    this.#entries = entries.toSorted(
      (a, b) =>
        b.effectiveFrom - a.effectiveFrom ||
        Number((b.inputAboveTokens ?? -1n) - (a.inputAboveTokens ?? -1n)),
    );
  }

  /**
   * Returns the price in force at `calledAt`. Among the entries with the newest date, the one with
   * the highest threshold below `inputTokens` applies. Returns undefined if no price is declared.
   */
  priceOf(
    variant: string,
    calledAt: EpochMillis,
    inputTokens: bigint,
  ): ApplicablePrice | undefined {
    const [entry] = this.#upTo(variant, calledAt, inputTokens);
    return entry && { rates: entry.rates, version: versionOf(entry) };
  }

  /**
   * Returns the rates of every price that may apply to at most `inputTokens`, that of {@link priceOf} first.
   * A call that has fewer tokens than its bound may have an earlier price, which may be higher.
   */
  ratesUpTo(variant: string, calledAt: EpochMillis, inputTokens: bigint): readonly Rates[] {
    return this.#upTo(variant, calledAt, inputTokens).map(({ rates }) => rates);
  }

  #upTo(variant: string, calledAt: EpochMillis, inputTokens: bigint): readonly PriceEntry[] {
    const inForce = this.#entries.filter(
      (entry) => entry.variant === variant && entry.effectiveFrom <= calledAt,
    );
    const newest = inForce[0]?.effectiveFrom;
    return inForce.filter(
      ({ effectiveFrom, inputAboveTokens }) =>
        effectiveFrom === newest && (inputAboveTokens === null || inputTokens > inputAboveTokens),
    );
  }
}

function versionOf(entry: PriceEntry): string {
  const condition = entry.inputAboveTokens === null ? "" : `>${entry.inputAboveTokens}`;
  return `${entry.variant}@${new Date(entry.effectiveFrom).toISOString()}${condition}`;
}
