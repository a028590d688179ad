import type { InferenceAttempted } from "@sluice/contracts";

/** An intent as the database stores it. Longs are decimal strings, as in all JSON of Sluice. */
export type StoredIntent = Omit<InferenceAttempted, "inputTokens" | "outputLimit"> & {
  readonly inputTokens: string;
  readonly outputLimit: string;
};

/** Returns the JSON text that the database stores for an intent. */
export function intentJson(intent: InferenceAttempted): string {
  const stored: StoredIntent = {
    ...intent,
    inputTokens: String(intent.inputTokens),
    outputLimit: String(intent.outputLimit),
  };
  return JSON.stringify(stored);
}

/** Returns the intent of a stored one. */
export function intentFrom(stored: StoredIntent): InferenceAttempted {
  return {
    ...stored,
    inputTokens: BigInt(stored.inputTokens),
    outputLimit: BigInt(stored.outputLimit),
  };
}
