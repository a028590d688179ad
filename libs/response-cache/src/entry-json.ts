import type { CacheEntry } from "./exact-cache.ts";

/**
 * Part of every key. Raise it with every change of `Completed`: entries of
 * another shape are then not found, instead of being served half.
 */
export const entryVersion = 1;

/** JSON with bigints as `{"$bigint":"…"}`; no record of ours has a member of that name. */
export function encodeEntry(entry: CacheEntry): string {
  return JSON.stringify(entry, (_name, value: unknown) =>
    typeof value === "bigint" ? { $bigint: String(value) } : value,
  );
}

/** undefined for what {@link encodeEntry} has not written: a cache may lose, never fail. */
export function decodeEntry(text: string): CacheEntry | undefined {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the version in the key names its shape
    return JSON.parse(text, (_name, value: unknown) =>
      isBigint(value) ? BigInt(value.$bigint) : value,
    ) as CacheEntry;
  } catch {
    return undefined;
  }
}

function isBigint(value: unknown): value is { readonly $bigint: string } {
  return typeof value === "object" && value !== null && "$bigint" in value;
}
