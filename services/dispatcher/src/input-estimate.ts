import type { InferenceRequested } from "@sluice/contracts";
import { type TokenCount, type TokenCounter, tokensLikely } from "@sluice/tokens";
import { additionalMembersOf } from "./parameters.ts";
import { type RequestTexts, textsOf } from "./request-texts.ts";

/** Tokenisers of other vendors split most texts into up to this many percent more tokens. Decision 19 has the exceptions. */
const marginPercent = 15n;
/** Tokens that chat formats add around each message, and before the answer. */
const tokensPerMessage = 6n;
/**
 * Tokens that chat templates add once, for example a date and a system message of their own: about 20 for Qwen
 * 2.5, 25 for Llama 3.1 and 70 for gpt-oss.
 */
const tokensPerPrompt = 100n;
/**
 * Tokens of the instructions that providers add to a request with tools or with a schema of the answer. The
 * most that a provider documents are the 530 of Claude 3 Opus.
 */
const instructionTokens = 600n;
/** Tokens that models of embeddings add around each input. */
const tokensPerInput = 2n;
/**
 * Tokens that a provider writes in front of each input if the request states its purpose, for example in `input_type`:
 * about 10 for Voyage ("Represent the query for retrieving supporting documents: ") and 20 for models that expect an
 * instruction.
 */
const tokensPerPurpose = 40n;

/**
 * The counters of the vocabularies for which the bound holds. A context window is measured with the first:
 * a request that is refused here for nothing costs the client an answer, the refusal of a provider nothing.
 */
export type TokenCounters = readonly [TokenCounter, ...TokenCounter[]];

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
  counters: TokenCounters,
): Promise<InputEstimate> {
  return request.operation === "embeddings"
    ? estimateEmbeddingInputs(request, counters)
    : estimateConversation(request, counters);
}

async function estimateConversation(
  request: InferenceRequested,
  counters: TokenCounters,
): Promise<InputEstimate> {
  const texts = textsOf(request);
  const frames = BigInt(request.messages.length) * tokensPerMessage;
  const instructions = tokensPerPrompt + (texts.hasDefinitions ? instructionTokens : 0n);
  const { bound, likely } = await boundOf(texts, counters);
  return {
    inputTokens: bound + withMargin(frames) + instructions,
    contextTokens: withMargin(likely + frames),
    pictures: BigInt(texts.pictures),
  };
}

/**
 * Inputs that the client sent as tokens are counted exactly. The longest text gets no margin, because
 * the provider decides whether a text near the limit fits, and its refusal costs nothing.
 */
async function estimateEmbeddingInputs(
  request: InferenceRequested,
  counters: TokenCounters,
): Promise<InputEstimate> {
  const { inputs, tokenInputs } = request;
  const tokenCounts = tokenInputs.map(({ length }) => length);
  const longestText = inputs.reduce((a, b) => (b.length > a.length ? b : a), "");
  const longestTokens = BigInt(Math.max(0, ...tokenCounts));
  const longest = tokensLikely(await counters[0].count([longestText]));
  const { bound } = await boundOf(textsOf(request), counters);
  const purpose = additionalMembersOf(request).length > 0 ? tokensPerPurpose : 0n;
  const frames =
    BigInt(inputs.length) * tokensPerInput + BigInt(inputs.length + tokenInputs.length) * purpose;
  return {
    inputTokens: bound + frames + BigInt(tokenCounts.reduce((sum, length) => sum + length, 0)),
    contextTokens: longest > longestTokens ? longest : longestTokens,
    pictures: 0n,
  };
}

interface Bounded {
  /** The most that one of the vocabularies, or a provider's form of a structured value, needs. */
  readonly bound: bigint;
  /** By the first vocabulary. */
  readonly likely: bigint;
}

async function boundOf(
  { plain, escaped }: RequestTexts,
  counters: TokenCounters,
): Promise<Bounded> {
  let bound = 0n;
  let likely: bigint | undefined;
  for (const counter of counters) {
    const plainCount = await counter.count(plain);
    const asJson = await counter.count(escaped.asJson);
    const asText = await counter.count(escaped.asText);
    const plainBound = boundOfCount(plainCount, plain.length);
    const jsonBound = boundOfCount(asJson, escaped.asJson.length);
    const textBound = boundOfCount(asText, escaped.asText.length);
    bound = max(bound, plainBound + max(jsonBound, textBound));
    likely ??= tokensLikely(plainCount) + tokensLikely(asJson);
  }
  return { bound, likely: likely ?? 0n };
}

/**
 * Returns the margin's bound, or that of the bytes if it is lower: no byte-level tokeniser has a token
 * without a byte.
 */
function boundOfCount(count: TokenCount, texts: number): bigint {
  if (texts === 0) return 0n;
  const bytes = count.countedBytes + count.uncountedBytes;
  const bound = withMargin(count.counted) + count.uncountedBytes;
  return (bound < bytes ? bound : bytes) + BigInt(texts);
}

function withMargin(tokens: bigint): bigint {
  return tokens + (tokens * marginPercent) / 100n + 1n;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
