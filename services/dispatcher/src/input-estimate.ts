import type { InferenceRequested } from "@sluice/contracts";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";

/** Other vendors' tokenisers split the same text into up to this much more. */
const marginPercent = 15n;
/** What chat formats add around a message, and before the answer. */
const perMessageTokens = 6n;
/** An image's or sound's tokens cannot be counted from its bytes; providers charge up to about this for one. */
const perMediaPartTokens = 1_600n;
/** Counting blocks the event loop, a microsecond a token: the rest of a long text is extrapolated. */
const countedCharsMax = 64 * 1024;

export interface InputEstimate {
  /** Upper estimate of all input, for the worst case; not what is charged. */
  readonly inputTokens: bigint;
  /** What must fit a context window: a conversation as a whole, or the longest of several inputs. */
  readonly contextTokens: bigint;
}

export function estimateInput(request: InferenceRequested): InputEstimate {
  if (request.operation === "embeddings") return estimateEmbeddingInputs(request);
  const inputTokens = estimateConversation(request);
  return { inputTokens, contextTokens: inputTokens };
}

function estimateConversation(request: InferenceRequested): bigint {
  const tools = request.parameters.length > 2 ? tokensOf(request.parameters) : 0n;
  const messages = request.messages.reduce((sum, { content, parts, toolCalls }) => {
    const media = parts === null ? 0n : mediaTokensOf(parts);
    const calls = toolCalls === null ? 0n : tokensOf(toolCalls);
    return sum + perMessageTokens + tokensOf(content) + media + calls;
  }, 0n);
  return withMargin(messages + tools);
}

/**
 * Tokens that came as such are counted exactly. The longest text gets no margin: what may still
 * fit is the provider's to judge, whose refusal costs nothing.
 */
function estimateEmbeddingInputs({ inputs, tokenInputs }: InferenceRequested): InputEstimate {
  const given = tokenInputs.map(({ length }) => length);
  const longestText = inputs.reduce((a, b) => (b.length > a.length ? b : a), "");
  const longestGiven = BigInt(Math.max(0, ...given));
  const longest = tokensOf(longestText);
  const texts = inputs.length === 0 ? 0n : withMargin(tokensOfAll(inputs));
  return {
    inputTokens: texts + BigInt(given.reduce((sum, length) => sum + length, 0)),
    contextTokens: longest > longestGiven ? longest : longestGiven,
  };
}

/** Counts texts until as much is read as of one long text; the rest is taken to be like them. */
function tokensOfAll(texts: readonly string[]): bigint {
  let counted = 0n;
  let read = 0;
  let unread = 0;
  for (const text of texts) {
    if (read < countedCharsMax) {
      counted += tokensOf(text);
      read += text.length;
    } else unread += text.length;
  }
  // Each text begins a token of its own.
  return counted + (counted * BigInt(unread)) / BigInt(Math.max(read, 1)) + BigInt(texts.length);
}

function withMargin(tokens: bigint): bigint {
  return tokens + (tokens * marginPercent) / 100n + 1n;
}

function tokensOf(text: string): bigint {
  if (text.length <= countedCharsMax) return BigInt(countTokens(text));
  const counted = BigInt(countTokens(text.slice(0, countedCharsMax)));
  return (counted * BigInt(text.length)) / BigInt(countedCharsMax) + 1n;
}

function mediaTokensOf(parts: string): bigint {
  const parsed: unknown = JSON.parse(parts);
  if (!Array.isArray(parsed)) return 0n;
  const media = parsed.filter((part: { readonly type?: string }) => part.type !== "text");
  return BigInt(media.length) * perMediaPartTokens;
}
