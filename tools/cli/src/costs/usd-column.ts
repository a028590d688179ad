import { formatUsd, type NanoUsd } from "@sluice/domain";

/** Exact dollars of one column, with equally many decimals, so that points stand below points. */
export function usdColumn(amounts: readonly NanoUsd[]): readonly string[] {
  const texts = amounts.map(formatUsd);
  const decimals = Math.max(...texts.map((text) => text.length - text.indexOf(".") - 1));
  return texts.map((text) => text.padEnd(text.indexOf(".") + 1 + decimals, "0"));
}
