import type { Rates, Usage } from "@sluice/contracts";
import { base64Of } from "@sluice/domain";
import type { CacheEntry } from "./exact-cache.ts";

/**
 * The version in each key. A change of `Completed` that {@link withLaterMembers} cannot bridge raises it, so that entries
 * of another shape are not found instead of being served incomplete.
 */
export const entryVersion = 3;

/**
 * Encodes an entry as JSON, with bigints as `{"$bigint":"…"}` and embeddings as `{"$base64":"…"}`. No
 * record has members with these names.
 */
export function encodeEntry(entry: CacheEntry): string {
  return JSON.stringify(withoutBytes(entry), (_name, value: unknown) =>
    typeof value === "bigint" ? { $bigint: String(value) } : value,
  );
}

/** Replaces bytes before JSON.stringify would turn them into a list of numbers, which is ten times as long. */
function withoutBytes(entry: CacheEntry): object {
  const { completed } = entry;
  const embeddings = completed.answer.embeddings.map((embedding) => ({
    $base64: base64Of(embedding),
  }));
  return { ...entry, completed: { ...completed, answer: { ...completed.answer, embeddings } } };
}

/** Decodes an entry. Returns undefined for any text that {@link encodeEntry} has not written, so that it counts as a miss. */
export function decodeEntry(text: string): CacheEntry | undefined {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the version in the key determines its shape
    return withLaterMembers(revived(JSON.parse(text)) as CacheEntry);
  } catch {
    return undefined;
  }
}

/** The members that the first entries of this version do not have, with the defaults of their schemas. */
const laterUsage: Partial<Usage> = { cacheWriteHourTokens: null };
const laterRates: Partial<Rates> = { cacheWriteHourNanoUsd: null };

function withLaterMembers({ completed, ...entry }: CacheEntry): CacheEntry {
  const usage = { ...laterUsage, ...completed.usage };
  const rates = { ...laterRates, ...completed.rates };
  return { ...entry, completed: { ...completed, usage, rates } };
}

/** Changes the value in place. A reviver of JSON.parse is called for each string too, and took a tenth of the time of a hit. */
function revived(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("$bigint" in value) return BigInt(String(value.$bigint));
  if ("$base64" in value) return Buffer.from(String(value.$base64), "base64");
  for (const [name, member] of Object.entries(value))
    if (typeof member === "object") Reflect.set(value, name, revived(member));
  return value;
}
