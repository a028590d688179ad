import type { Usage } from "@sluice/contracts";

/** The fields of a provider's usage object that are read. Providers add fields and leave fields out. */
interface WireUsage {
  readonly prompt_tokens?: unknown;
  readonly completion_tokens?: unknown;
  readonly total_tokens?: unknown;
  readonly prompt_cache_hit_tokens?: unknown;
  readonly prompt_tokens_details?: {
    readonly cached_tokens?: unknown;
    readonly audio_tokens?: unknown;
  } | null;
  readonly completion_tokens_details?: {
    readonly reasoning_tokens?: unknown;
    readonly audio_tokens?: unknown;
  } | null;
}

export interface ReportedUsage {
  /** Each token is in one class; a class is null if it was not reported. */
  readonly usage: Usage;
  /** The provider's own object as JSON; null if it is too large to be stored. */
  readonly raw: string | null;
}

/** The most characters of a provider's usage object that are stored. It has about 400. */
const rawLengthMax = 16 * 1_024;

/**
 * Converts a provider's usage so that each token is in one class. OpenAI counts cached and audio input
 * within the prompt, and reasoning and audio within the completion. Some providers report reasoning
 * in addition to the completion, which their total shows. No class is below zero, whatever was
 * reported.
 *
 * @returns null if the provider reported nothing
 */
export function reportedUsageOf(wire: object | null | undefined): ReportedUsage | null {
  if (!wire) return null;
  const read: WireUsage = wire;
  const prompt = tokens(read.prompt_tokens);
  const completion = tokens(read.completion_tokens);
  if (prompt === null && completion === null) return null;

  const cached = tokens(read.prompt_tokens_details?.cached_tokens ?? read.prompt_cache_hit_tokens);
  const reasoning = tokens(read.completion_tokens_details?.reasoning_tokens);
  const audioIn = tokens(read.prompt_tokens_details?.audio_tokens) ?? 0n;
  const audioOut = tokens(read.completion_tokens_details?.audio_tokens) ?? 0n;
  const raw = JSON.stringify(wire);
  const nested = isNested(read, prompt, completion, reasoning) ? (reasoning ?? 0n) : 0n;
  return {
    usage: {
      inputTokens: rest(prompt, (cached ?? 0n) + audioIn),
      cachedInputTokens: cached,
      cacheWriteTokens: null,
      outputTokens: rest(completion, nested + audioOut),
      reasoningTokens: reasoning,
      otherTokens: {
        ...(audioIn > 0n && { audioInputTokens: audioIn }),
        ...(audioOut > 0n && { audioOutputTokens: audioOut }),
      },
    },
    raw: raw.length <= rawLengthMax ? raw : null,
  };
}

/** Whether the completion includes the reasoning. It does not if the total is the sum of all three. */
function isNested(
  wire: WireUsage,
  prompt: bigint | null,
  completion: bigint | null,
  reasoning: bigint | null,
): boolean {
  const total = tokens(wire.total_tokens);
  if (total === null || prompt === null || completion === null || reasoning === null) return true;
  return reasoning === 0n || total !== prompt + completion + reasoning;
}

/** Returns the rest of the whole without the part, at least zero. */
function rest(whole: bigint | null, part: bigint): bigint | null {
  if (whole === null) return null;
  return whole > part ? whole - part : 0n;
}

function tokens(value: unknown): bigint | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
    ? BigInt(value)
    : null;
}
