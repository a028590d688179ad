import type { Usage } from "@sluice/contracts";

/** The part of a provider's usage object that is read; providers add and leave out what they like. */
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
  /** Disjoint classes; null: not reported. */
  readonly usage: Usage;
  /** JSON of the provider's own object. */
  readonly raw: string;
}

/**
 * OpenAI counts cached and audio input within the prompt, reasoning and audio
 * within the completion; here each token is in one class. Some providers report
 * reasoning beside the completion: told by a total that says so. No class falls
 * below zero, whatever was reported.
 *
 * @returns null where the provider reported nothing.
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
  const nested = isNested(read, prompt, completion, reasoning) ? (reasoning ?? 0n) : 0n;
  return {
    usage: {
      inputTokens: less(prompt, (cached ?? 0n) + audioIn),
      cachedInputTokens: cached,
      cacheWriteTokens: null,
      outputTokens: less(completion, nested + audioOut),
      reasoningTokens: reasoning,
      otherTokens: {
        ...(audioIn > 0n && { audioInputTokens: audioIn }),
        ...(audioOut > 0n && { audioOutputTokens: audioOut }),
      },
    },
    raw: JSON.stringify(wire),
  };
}

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

function less(whole: bigint | null, part: bigint): bigint | null {
  if (whole === null) return null;
  return whole > part ? whole - part : 0n;
}

function tokens(value: unknown): bigint | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
    ? BigInt(value)
    : null;
}
