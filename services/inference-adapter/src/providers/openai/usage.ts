import type { Usage } from "@sluice/contracts";

/** A provider's usage object. Providers add members and leave members out. */
type WireUsage = Readonly<Record<string, unknown>>;

export interface ReportedUsage {
  /** Each token is in one class; a class is null if it was not reported. */
  readonly usage: Usage;
  /** The provider's own object as JSON; null if it is too large to be stored. */
  readonly raw: string | null;
}

/** The most characters of a provider's usage object that are stored. It has about 400. */
const rawLengthMax = 16 * 1_024;

/**
 * Converts a provider's usage so that each token is in one class. OpenAI counts cached, written and audio input
 * within the prompt, and reasoning and audio within the completion. Some providers report them in addition: a part
 * that is larger than its whole cannot be within it, and the total may show that the reasoning is not. Tokens that
 * are only in the total are output, because some providers report their reasoning nowhere else. No class is below
 * zero, whatever was reported.
 *
 * @returns null if the provider reported nothing
 */
export function reportedUsageOf(wire: object | null | undefined): ReportedUsage | null {
  if (!wire) return null;
  const read: WireUsage = { ...wire };
  const total = tokens(read["total_tokens"]);
  const inputs = inputsOf(read);
  const outputs = outputsOf(read);
  if (inputs.whole === null && outputs.whole === null) return null;
  const prompt = inputs.whole ?? difference(total, outputs.whole);
  const completion = outputs.whole ?? difference(total, inputs.whole);
  const sum = prompt !== null && completion !== null ? prompt + completion : null;
  // A total that is the sum of both excludes that anything was counted in addition.
  const mayAdd = total === null || total !== sum;

  const { cached, written, audio: audioIn } = inputs;
  const { reasoning, audio: audioOut } = outputs;
  const inputParts = (cached ?? 0n) + (written ?? 0n) + audioIn;
  const addsReasoning = total !== null && sum !== null && total === sum + (reasoning ?? 0n);
  const outputParts = addsReasoning && mayAdd ? audioOut : (reasoning ?? 0n) + audioOut;
  const inputTokens = rest(prompt, inputParts, mayAdd);
  const outputTokens = rest(completion, outputParts, mayAdd);
  const explained =
    (inputTokens ?? 0n) + inputParts + (outputTokens ?? 0n) + (reasoning ?? 0n) + audioOut;
  const onlyInTotal = total !== null && sum !== null && total > explained ? total - explained : 0n;
  const raw = JSON.stringify(wire);
  return {
    usage: {
      inputTokens,
      cachedInputTokens: cached,
      cacheWriteTokens: written,
      outputTokens: outputTokens === null ? null : outputTokens + onlyInTotal,
      reasoningTokens: reasoning,
      otherTokens: {
        ...(audioIn > 0n && { audioInputTokens: audioIn }),
        ...(audioOut > 0n && { audioOutputTokens: audioOut }),
      },
    },
    raw: raw.length <= rawLengthMax ? raw : null,
  };
}

/** Reads the input, also with the names of OpenAI's Responses API and of servers that translate Anthropic's. */
function inputsOf(read: WireUsage): {
  readonly whole: bigint | null;
  readonly cached: bigint | null;
  readonly written: bigint | null;
  readonly audio: bigint;
} {
  const details = membersOf(read["prompt_tokens_details"] ?? read["input_tokens_details"]);
  return {
    whole: tokens(read["prompt_tokens"] ?? read["input_tokens"]),
    cached: tokens(
      details["cached_tokens"] ??
        read["prompt_cache_hit_tokens"] ??
        read["cache_read_input_tokens"],
    ),
    written: tokens(
      details["cache_write_tokens"] ??
        details["cache_creation_tokens"] ??
        read["cache_creation_input_tokens"],
    ),
    audio: tokens(details["audio_tokens"]) ?? 0n,
  };
}

function outputsOf(read: WireUsage): {
  readonly whole: bigint | null;
  readonly reasoning: bigint | null;
  readonly audio: bigint;
} {
  const details = membersOf(read["completion_tokens_details"] ?? read["output_tokens_details"]);
  return {
    whole: tokens(read["completion_tokens"] ?? read["output_tokens"]),
    reasoning: tokens(details["reasoning_tokens"] ?? read["reasoning_tokens"]),
    audio: tokens(details["audio_tokens"]) ?? 0n,
  };
}

function membersOf(value: unknown): WireUsage {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function difference(total: bigint | null, part: bigint | null): bigint | null {
  return total !== null && part !== null && total > part ? total - part : null;
}

/**
 * Returns the rest of the whole without its parts, at least zero. Parts that are larger than the whole were counted in
 * addition, if that may be.
 */
function rest(whole: bigint | null, parts: bigint, mayAdd: boolean): bigint | null {
  if (whole === null) return null;
  if (whole >= parts) return whole - parts;
  return mayAdd ? whole : 0n;
}

/** Returns a count. Some servers send it as text, or as a number with a decimal point. */
function tokens(value: unknown): bigint | null {
  const count = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof count === "number" && Number.isSafeInteger(count) && count >= 0
    ? BigInt(count)
    : null;
}
