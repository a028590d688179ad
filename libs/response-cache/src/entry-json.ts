import { base64Of } from "@sluice/domain";
import type { CacheEntry } from "./exact-cache.ts";

/**
 * Part of every key. Raise it with every change of `Completed`: entries of
 * another shape are then not found, instead of being served half.
 */
export const entryVersion = 2;

/**
 * JSON with bigints as `{"$bigint":"…"}` and embeddings as `{"$base64":"…"}`; no record of ours has
 * members of these names.
 */
export function encodeEntry(entry: CacheEntry): string {
  return JSON.stringify(withoutBytes(entry), (_name, value: unknown) =>
    typeof value === "bigint" ? { $bigint: String(value) } : value,
  );
}

/** Before it is JSON: bytes turn themselves into a list of numbers, which is ten times as long. */
function withoutBytes(entry: CacheEntry): object {
  const { completed } = entry;
  const embeddings = completed.answer.embeddings.map((embedding) => ({
    $base64: base64Of(embedding),
  }));
  return { ...entry, completed: { ...completed, answer: { ...completed.answer, embeddings } } };
}

/** undefined for what {@link encodeEntry} has not written: a cache may lose, never fail. */
export function decodeEntry(text: string): CacheEntry | undefined {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the version in the key names its shape
    return revived(JSON.parse(text)) as CacheEntry;
  } catch {
    return undefined;
  }
}

/** In place: a reviver is called for every string too, and took a tenth of the time of a hit. */
function revived(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("$bigint" in value) return BigInt(String(value.$bigint));
  if ("$base64" in value) return Buffer.from(String(value.$base64), "base64");
  for (const [name, member] of Object.entries(value))
    if (typeof member === "object") Reflect.set(value, name, revived(member));
  return value;
}
