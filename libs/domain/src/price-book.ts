import type { EpochMillis } from "./clock.ts";
import type { Rates } from "./price.ts";

/** Rates of one variant from a date on, optionally only for long inputs. */
export interface PriceEntry {
  readonly variant: string;
  readonly effectiveFrom: EpochMillis;
  /** Applies when all input tokens together exceed this; null: always. */
  readonly inputAboveTokens: bigint | null;
  readonly rates: Rates;
}

export interface ApplicablePrice {
  readonly rates: Rates;
  /** Names the entry, so that a charge says by which price it was made. */
  readonly version: string;
}

/** All rates, dated. Pure: the same book, variant, time and size give the same price for ever. */
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
   * The newest entry in force at `calledAt` decides the date, the highest
   * threshold below `inputTokens` the condition; undefined when nobody declared
   * a price.
   */
  priceOf(
    variant: string,
    calledAt: EpochMillis,
    inputTokens: bigint,
  ): ApplicablePrice | undefined {
    const inForce = this.#entries.filter(
      (entry) => entry.variant === variant && entry.effectiveFrom <= calledAt,
    );
    const newest = inForce[0]?.effectiveFrom;
    const entry = inForce.find(
      ({ effectiveFrom, inputAboveTokens }) =>
        effectiveFrom === newest && (inputAboveTokens === null || inputTokens > inputAboveTokens),
    );
    return entry && { rates: entry.rates, version: versionOf(entry) };
  }
}

function versionOf(entry: PriceEntry): string {
  const condition = entry.inputAboveTokens === null ? "" : `>${entry.inputAboveTokens}`;
  return `${entry.variant}@${new Date(entry.effectiveFrom).toISOString()}${condition}`;
}
