import type { Choice, Completed, InferenceResponded, Usage } from "@sluice/contracts";
import { allInputOf, allOutputOf, formatUsd } from "@sluice/domain";
import type { ChunkChoices, TokenPayload } from "@sluice/request-state";

/** An outcome with an answer. */
export interface CompletedOutcome extends InferenceResponded {
  readonly completed: Completed;
}

export function isCompleted(outcome: InferenceResponded): outcome is CompletedOutcome {
  return outcome.completed !== null;
}

/** Returns OpenAI's `chat.completion`. `model` is the variant that answered; the request may have named another model, a tier or auto. */
export function completionOf(outcome: CompletedOutcome): object {
  const { answer, usage, variant } = outcome.completed;
  return {
    ...identityOf(outcome),
    object: "chat.completion",
    model: variant,
    choices: answer.choices.map(wholeChoice),
    usage: usageOf(usage),
    system_fingerprint: answer.systemFingerprint,
  };
}

/**
 * Returns the `x-sluice-*` headers of an answer, except those with its request id, which every response to an admitted
 * request has. A stream has no cost yet when it sends its headers.
 */
export function headersOf(
  served: Pick<TokenPayload, "cache" | "variant" | "tier"> & { readonly costNanoUsd?: bigint },
): Readonly<Record<string, string>> {
  const { cache, variant, tier, costNanoUsd } = served;
  return {
    "x-sluice-cache": cache,
    "x-sluice-model": variant,
    "x-sluice-tier": tier,
    ...(costNanoUsd === undefined ? {} : { "x-sluice-cost-usd": formatUsd(costNanoUsd) }),
  };
}

/** Returns the headers of an answer that is one JSON body. */
export function jsonHeadersOf(outcome: CompletedOutcome): Record<string, string> {
  const type = "application/json; charset=utf-8";
  return { ...headersOf(outcome.completed), "content-type": type };
}

interface Identity {
  readonly id: string;
  readonly created: number;
}

export function identityOf({
  requestId,
  admittedAt,
}: Pick<InferenceResponded, "requestId" | "admittedAt">): Identity {
  return { id: `chatcmpl-${requestId}`, created: Math.floor(admittedAt / 1000) };
}

/**
 * Returns OpenAI's `chat.completion.chunk`s for one entry of the reply stream. If the client asked
 * for the usage, it is null in each of them, as only the last chunk has it.
 */
export function chunksOf(
  identity: Identity,
  payload: TokenPayload,
  includeUsage: boolean,
): readonly object[] {
  return payload.chunks.map((choices) => ({
    ...identity,
    object: "chat.completion.chunk",
    model: payload.variant,
    system_fingerprint: payload.systemFingerprint,
    choices,
    ...(includeUsage && { usage: null }),
  }));
}

/** Returns a whole answer as one entry of a reply stream, so that a client can receive a hit as a stream. */
export function wholeAsPayload({ completed }: CompletedOutcome): TokenPayload {
  const { answer, variant, tier, cache } = completed;
  return {
    variant,
    tier,
    cache,
    systemFingerprint: answer.systemFingerprint,
    chunks: answer.choices.flatMap((choice) => [deltaOf(choice), endOf(choice)]),
  };
}

/** Returns the last chunk, which `stream_options.include_usage` asks for. Its cost is provisional. */
export function usageChunkOf(outcome: CompletedOutcome): object {
  const { usage, variant, answer, cache, tier, costNanoUsd } = outcome.completed;
  return {
    ...identityOf(outcome),
    object: "chat.completion.chunk",
    model: variant,
    system_fingerprint: answer.systemFingerprint,
    choices: [],
    usage: usageOf(usage),
    sluice: { cache, tier, cost_usd: formatUsd(costNanoUsd) },
  };
}

/** Returns OpenAI's usage. Its prompt tokens include cached ones, and its completion tokens include reasoning; our classes do not overlap. */
function usageOf(usage: Usage): object {
  const cached = Number(usage.cachedInputTokens ?? 0n);
  const written = writtenTokensOf(usage);
  const prompt = promptTokensOf(usage);
  const completion = Number(allOutputOf(usage));
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: {
      cached_tokens: cached,
      ...(written !== null && { cache_write_tokens: written }),
    },
    completion_tokens_details: { reasoning_tokens: Number(usage.reasoningTokens ?? 0n) },
  };
}

/** Returns all input tokens: plain, read from the provider's prompt cache, and written to it. */
export function promptTokensOf(usage: Usage): number {
  return Number(allInputOf(usage));
}

/** Returns the tokens that were written to the provider's prompt cache for any time; null if the provider reported none. */
function writtenTokensOf({ cacheWriteTokens, cacheWriteHourTokens }: Usage): number | null {
  if (cacheWriteTokens === null && cacheWriteHourTokens === null) return null;
  return Number((cacheWriteTokens ?? 0n) + (cacheWriteHourTokens ?? 0n));
}

function wholeChoice(choice: Choice): object {
  return {
    index: choice.index,
    message: messageOf(choice),
    logprobs: parsed(choice.logprobs),
    finish_reason: choice.finishReason,
  };
}

function messageOf({ content, refusal, toolCalls, members }: Choice): object {
  return {
    ...objectIn(members),
    role: "assistant",
    content,
    refusal,
    ...(toolCalls === null ? {} : { tool_calls: parsed(toolCalls) }),
  };
}

function deltaOf(choice: Choice): ChunkChoices {
  return [
    {
      index: choice.index,
      delta: messageOf({ ...choice, toolCalls: indexed(choice.toolCalls) }),
      logprobs: parsed(choice.logprobs),
      finish_reason: null,
    },
  ];
}

function endOf({ index, finishReason }: Choice): ChunkChoices {
  return [{ index, delta: {}, logprobs: null, finish_reason: finishReason }];
}

/** Adds to each tool call its index, which a delta needs to name the call that it continues. */
function indexed(toolCalls: string | null): string | null {
  const calls = parsed(toolCalls);
  if (!Array.isArray(calls)) return null;
  return JSON.stringify(calls.map((call: object, index) => ({ index, ...call })));
}

function objectIn(json: string | null): object {
  const value = parsed(json);
  return typeof value === "object" && value !== null ? value : {};
}

function parsed(json: string | null): unknown {
  return json === null ? null : JSON.parse(json);
}
