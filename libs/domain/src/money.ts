/** Billionths of a US dollar. All money is such a bigint; no float ever holds an amount. */
export type NanoUsd = bigint;

/** Rates are published per million tokens. */
export const tokensPerRate = 1_000_000n;

const nanoUsdPerUsd = 1_000_000_000n;

/**
 * Divides and rounds half to even, which does not drift up or down over many charges. This is the
 * only rounding of money in Sluice.
 *
 * @param divisor above zero
 */
export function divideHalfEven(dividend: bigint, divisor: bigint): bigint {
  const magnitude = dividend < 0n ? -dividend : dividend;
  const quotient = magnitude / divisor;
  const twice = (magnitude % divisor) * 2n;
  const roundsUp = twice > divisor || (twice === divisor && quotient % 2n === 1n);
  const rounded = roundsUp ? quotient + 1n : quotient;
  return dividend < 0n ? -rounded : rounded;
}

/** Returns the exact amount with at least two decimals and no further trailing zeros: `0.00`, `1.50`, `0.000000001`. */
export function formatUsd(amount: NanoUsd): string {
  const magnitude = amount < 0n ? -amount : amount;
  const fraction = (magnitude % nanoUsdPerUsd).toString().padStart(9, "0");
  const decimals = fraction.replace(/0+$/, "").padEnd(2, "0");
  return `${amount < 0n ? "-" : ""}${magnitude / nanoUsdPerUsd}.${decimals}`;
}

/** Parses a decimal amount of dollars exactly. Returns undefined for any other text, and for fractions of a nano-dollar. */
export function parseUsd(text: string): NanoUsd | undefined {
  const match = /^(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text.trim());
  if (!match) return undefined;
  return BigInt(match[1]!) * nanoUsdPerUsd + BigInt((match[2] ?? "").padEnd(9, "0"));
}
