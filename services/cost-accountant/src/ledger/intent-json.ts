import type { Attribution, InferenceAttempted, Payer } from "@sluice/contracts";
import { type StoredWindow, windowsFrom } from "./stored-windows.ts";

/** A record as the database stores it. Longs are decimal strings, as in all JSON of Sluice. */
type Stored<R, Longs extends keyof R> = Omit<R, Longs> & Readonly<Record<Longs, string>>;

/** An intent as the database stores it. Intents of older versions have neither windows nor a signature. */
export type StoredIntent = Stored<
  Omit<InferenceAttempted, "windows" | "worstCaseNanoUsd" | "runId" | "attribution">,
  "inputTokens" | "outputLimit"
> & {
  readonly attribution: Payer & Partial<Attribution>;
  readonly windows?: readonly StoredWindow[];
  readonly worstCaseNanoUsd?: string;
  readonly runId?: string | null;
};

/** Returns the JSON text that the database stores for an intent. */
export function intentJson(intent: InferenceAttempted): string {
  return JSON.stringify(intent, longsAsText);
}

/** Returns the intent of a stored one. */
export function intentFrom(stored: StoredIntent): InferenceAttempted {
  return {
    ...stored,
    attribution: { signature: "", ...stored.attribution },
    inputTokens: BigInt(stored.inputTokens),
    outputLimit: BigInt(stored.outputLimit),
    windows: windowsFrom(stored.windows),
    worstCaseNanoUsd: BigInt(stored.worstCaseNanoUsd ?? 0),
    runId: stored.runId ?? null,
  };
}

function longsAsText(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
