import { formatUsd, type NanoUsd } from "@sluice/domain";

/** Returns exact dollars for one column, all with the same number of decimals, so that the points align. */
export function usdColumn(amounts: readonly NanoUsd[]): readonly string[] {
  const texts = amounts.map(formatUsd);
  const decimals = Math.max(...texts.map((text) => text.length - text.indexOf(".") - 1));
  return texts.map((text) => text.padEnd(text.indexOf(".") + 1 + decimals, "0"));
}
