import type { InferenceRequested, Message } from "@sluice/contracts";
import { type TokenCount, type TokenCounter, tokensLikely } from "@sluice/tokens";

/** Tokenisers of other vendors split the same text into up to this many percent more tokens. */
const marginPercent = 15n;
/** Tokens that chat formats add around each message, and before the answer. */
const tokensPerMessage = 6n;

export interface InputEstimate {
  /** An upper bound of all input but pictures, for the worst case. It is not what is charged. */
  readonly inputTokens: bigint;
  /**
   * The likely tokens that must fit a context window: the whole conversation without pictures, or the
   * longest of several inputs.
   */
  readonly contextTokens: bigint;
  /** How many pictures the input has. Their tokens depend on the model. */
  readonly pictures: bigint;
}

/**
 * Returns upper bounds of the input tokens of a request.
 *
 * They are bounds, because a reservation must cover the cost of every provider. The adapter has an
 * estimate of its own (`estimate.ts`), which is the likely value and is charged if a provider reports
 * no usage, so the two must not be merged.
 */
export async function estimateInput(
  request: InferenceRequested,
  counter: TokenCounter,
): Promise<InputEstimate> {
  return request.operation === "embeddings"
    ? estimateEmbeddingInputs(request, counter)
    : estimateConversation(request, counter);
}

async function estimateConversation(
  { messages, parameters }: InferenceRequested,
  counter: TokenCounter,
): Promise<InputEstimate> {
  const parts = messages.map((message) => partsOf(message));
  const tools = parameters.length > 2 ? [parameters] : [];
  const texts = [...parts.flatMap((each) => each.texts), ...tools];
  const count = await counter.count(texts);
  const frames = BigInt(messages.length) * tokensPerMessage;
  return {
    inputTokens: boundOf(count, texts.length) + withMargin(frames),
    contextTokens: withMargin(tokensLikely(count) + frames),
    pictures: parts.reduce((sum, { pictures }) => sum + pictures, 0n),
  };
}

/**
 * Inputs that the client sent as tokens are counted exactly. The longest text gets no margin, because
 * the provider decides whether a text near the limit fits, and its refusal costs nothing.
 */
async function estimateEmbeddingInputs(
  { inputs, tokenInputs }: InferenceRequested,
  counter: TokenCounter,
): Promise<InputEstimate> {
  const tokenCounts = tokenInputs.map(({ length }) => length);
  const longestText = inputs.reduce((a, b) => (b.length > a.length ? b : a), "");
  const longestTokens = BigInt(Math.max(0, ...tokenCounts));
  const longest = tokensLikely(await counter.count([longestText]));
  const texts = boundOf(await counter.count(inputs), inputs.length);
  return {
    inputTokens: texts + BigInt(tokenCounts.reduce((sum, length) => sum + length, 0)),
    contextTokens: longest > longestTokens ? longest : longestTokens,
    pictures: 0n,
  };
}

/**
 * Returns the margin's bound, or that of the bytes if it is lower: no byte-level tokeniser has a token
 * without a byte.
 */
function boundOf(count: TokenCount, texts: number): bigint {
  const bytes = count.countedBytes + count.uncountedBytes;
  const bound = withMargin(count.counted) + count.uncountedBytes;
  return (bound < bytes ? bound : bytes) + BigInt(texts);
}

function withMargin(tokens: bigint): bigint {
  return tokens + (tokens * marginPercent) / 100n + 1n;
}

interface Part {
  readonly type?: unknown;
  readonly text?: unknown;
  readonly refusal?: unknown;
}

/** Returns everything of a message that is sent to the provider, which is its parts if it has any. */
function partsOf(message: Message): {
  readonly texts: readonly string[];
  readonly pictures: bigint;
} {
  const { toolCalls, toolCallId, name } = message;
  const parts = parsedParts(message.parts);
  const contents = parts?.flatMap((part) => textsOfPart(part)) ?? [message.content];
  const texts = [...contents, toolCalls, toolCallId, name];
  return {
    texts: texts.filter((text): text is string => text !== null && text !== ""),
    pictures: BigInt(parts?.filter(isPicture).length ?? 0),
  };
}

/** Returns null if the message has no parts. */
function parsedParts(parts: string | null): readonly Part[] | null {
  const parsed: unknown = parts === null ? null : JSON.parse(parts);
  return Array.isArray(parsed) ? parsed : null;
}

function isPicture({ type }: Part): boolean {
  return type === "image_url";
}

function textsOfPart(part: Part): readonly string[] {
  if (isPicture(part)) return [];
  const { text, refusal, ...others } = part;
  const read = [text, refusal].filter((each) => typeof each === "string");
  return [...read, JSON.stringify(others)];
}
