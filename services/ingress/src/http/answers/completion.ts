import type { Choice, Completed, InferenceResponded, Usage } from "@sluice/contracts";
import { formatUsd } from "@sluice/domain";
import type { ChunkChoices, TokenPayload } from "@sluice/request-state";

/** The parts of an outcome that OpenAI's answers are made of. */
export interface CompletedOutcome extends InferenceResponded {
  readonly completed: Completed;
}

export function isCompleted(outcome: InferenceResponded): outcome is CompletedOutcome {
  return outcome.completed !== null;
}

/** OpenAI's `chat.completion`. `model` is the variant that answered, which may not be what was asked for. */
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

/** `x-sluice-*`: known with the answer, or with the first token of it. */
export function headersOf(
  requestId: string,
  served: Pick<TokenPayload, "cache" | "variant" | "tier"> & { readonly costNanoUsd?: bigint },
): Readonly<Record<string, string>> {
  const { cache, variant, tier, costNanoUsd } = served;
  return {
    "x-sluice-request-id": requestId,
    "x-sluice-cache": cache,
    "x-sluice-model": variant,
    "x-sluice-tier": tier,
    ...(costNanoUsd === undefined ? {} : { "x-sluice-cost-usd": formatUsd(costNanoUsd) }),
  };
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
 * OpenAI's `chat.completion.chunk`s for one entry of the reply stream. Where the
 * usage is asked for, each says that it is not the one with the usage.
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

/** An answer that is there as a whole, told as a stream: what a hit looks like to a streaming caller. */
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

/** The last chunk where `stream_options.include_usage` asked for it; carries the provisional cost. */
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

/** OpenAI nests what our classes keep apart: cached in prompt, reasoning in completion. */
function usageOf(usage: Usage): object {
  const cached = Number(usage.cachedInputTokens ?? 0n);
  const reasoning = Number(usage.reasoningTokens ?? 0n);
  const prompt = promptTokensOf(usage);
  const completion = Number(usage.outputTokens ?? 0n) + reasoning;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: {
      cached_tokens: cached,
      ...(usage.cacheWriteTokens !== null && {
        cache_write_tokens: Number(usage.cacheWriteTokens),
      }),
    },
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
}

/** All that was read, from wherever it came. */
export function promptTokensOf({
  inputTokens,
  cachedInputTokens,
  cacheWriteTokens,
}: Usage): number {
  return Number((inputTokens ?? 0n) + (cachedInputTokens ?? 0n) + (cacheWriteTokens ?? 0n));
}

function wholeChoice(choice: Choice): object {
  return {
    index: choice.index,
    message: messageOf(choice),
    logprobs: parsed(choice.logprobs),
    finish_reason: choice.finishReason,
  };
}

function messageOf({ content, refusal, toolCalls }: Choice): object {
  return {
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

/** In a delta each tool call says which one it continues. */
function indexed(toolCalls: string | null): string | null {
  const calls = parsed(toolCalls);
  if (!Array.isArray(calls)) return null;
  return JSON.stringify(calls.map((call: object, index) => ({ index, ...call })));
}

function parsed(json: string | null): unknown {
  return json === null ? null : JSON.parse(json);
}
