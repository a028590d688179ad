import type { InferenceRequested } from "@sluice/contracts";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";

/** Tokenisers of other vendors split the same text into up to this many percent more tokens. */
const marginPercent = 15n;
/** Tokens that chat formats add around each message, and before the answer. */
const tokensPerMessage = 6n;
/**
 * The tokens of an image or sound do not follow from its bytes. Providers charge up to about this
 * number for one.
 */
const tokensPerMediaPart = 1_600n;
/**
 * Counting blocks the event loop for one microsecond per token, so the rest of a longer text is
 * extrapolated.
 */
const countedCharsMax = 64 * 1024;

export interface InputEstimate {
  /** An upper bound of all input, for the worst case. It is not what is charged. */
  readonly inputTokens: bigint;
  /**
   * The tokens that must fit a context window: the whole conversation, or the longest of several
   * inputs.
   */
  readonly contextTokens: bigint;
}

/**
 * Returns upper bounds of the input tokens of a request.
 *
 * They are bounds, because a reservation must cover the cost of every provider. The adapter has an
 * estimate of its own (`estimate.ts`), which is the likely value and is charged if a provider reports
 * no usage, so the two must not be merged.
 */
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
    return sum + tokensPerMessage + tokensOf(content) + media + calls;
  }, 0n);
  return withMargin(messages + tools);
}

/**
 * Inputs that the client sent as tokens are counted exactly. The longest text gets no margin, because
 * the provider decides whether a text near the limit fits, and its refusal costs nothing.
 */
function estimateEmbeddingInputs({ inputs, tokenInputs }: InferenceRequested): InputEstimate {
  const tokenCounts = tokenInputs.map(({ length }) => length);
  const longestText = inputs.reduce((a, b) => (b.length > a.length ? b : a), "");
  const longestTokens = BigInt(Math.max(0, ...tokenCounts));
  const longest = tokensOf(longestText);
  const texts = inputs.length === 0 ? 0n : withMargin(tokensOfAll(inputs));
  return {
    inputTokens: texts + BigInt(tokenCounts.reduce((sum, length) => sum + length, 0)),
    contextTokens: longest > longestTokens ? longest : longestTokens,
  };
}

/** Counts the first texts, up to the limit of one long text, and extrapolates the rest from them. */
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
  // The texts are counted separately, so each can end in a token of its own.
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
  return BigInt(media.length) * tokensPerMediaPart;
}
