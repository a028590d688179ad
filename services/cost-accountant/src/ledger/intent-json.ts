import type { InferenceAttempted } from "@sluice/contracts";

/** An intent as the ledger's database keeps it: longs as decimal strings, as everywhere in JSON. */
export type StoredIntent = Omit<InferenceAttempted, "inputTokens" | "outputLimit"> & {
  readonly inputTokens: string;
  readonly outputLimit: string;
};

export function intentJson(intent: InferenceAttempted): string {
  const stored: StoredIntent = {
    ...intent,
    inputTokens: String(intent.inputTokens),
    outputLimit: String(intent.outputLimit),
  };
  return JSON.stringify(stored);
}

export function intentFrom(stored: StoredIntent): InferenceAttempted {
  return {
    ...stored,
    inputTokens: BigInt(stored.inputTokens),
    outputLimit: BigInt(stored.outputLimit),
  };
}
