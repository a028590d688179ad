/** Returns an amount of dollars, as the API shows it, in nano-dollars. */
export function nanoUsdOf(usd: string): bigint {
  const [dollars = "0", nanos = ""] = usd.split(".");
  return BigInt(dollars) * 1_000_000_000n + BigInt(nanos.padEnd(9, "0"));
}
