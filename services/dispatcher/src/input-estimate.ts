import type { InferenceRequested } from "@sluice/contracts";
import { type TokenCount, type TokenCounter, tokensLikely } from "@sluice/tokens";
import { additionalMembersOf } from "./parameters.ts";
import { type RequestTexts, textsOf } from "./request-texts.ts";

/** The margin for what chat formats add, and for a context window. Decision 19 has the exceptions. */
const usualMarginPercent = 15n;
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
  /**
   * Returns an upper bound of all input but pictures, for the worst case. It is not what is charged.
   *
   * @param marginPercent by how many percent more tokens the model's tokeniser may need than the vocabularies
   */
  readonly inputTokensWith: (marginPercent: bigint) => bigint;
  /**
   * The likely tokens that must fit a context window: the whole conversation without pictures, signatures and encrypted
   * reasoning, or the longest of several inputs.
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
  const counts = await countsOf(texts, counters);
  const opaque = tokensLikely(await counters[0].count(texts.opaque));
  const read = max(likelyOf(counts) - opaque, 0n);
  return {
    inputTokensWith: (marginPercent) =>
      boundOf(counts, marginPercent) + withMargin(frames, usualMarginPercent) + instructions,
    contextTokens: withMargin(read + frames, usualMarginPercent),
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
  const counts = await countsOf(textsOf(request), counters);
  const purpose = additionalMembersOf(request).length > 0 ? tokensPerPurpose : 0n;
  const frames =
    BigInt(inputs.length) * tokensPerInput + BigInt(inputs.length + tokenInputs.length) * purpose;
  const sentAsTokens = BigInt(tokenCounts.reduce((sum, length) => sum + length, 0));
  return {
    inputTokensWith: (marginPercent) => boundOf(counts, marginPercent) + frames + sentAsTokens,
    contextTokens: longest > longestTokens ? longest : longestTokens,
    pictures: 0n,
  };
}

/** What one vocabulary makes of the texts of a request. */
interface Counts {
  readonly plain: Counted;
  /** The structured values, as JSON and as their strings are. A provider may write either into the prompt. */
  readonly asJson: Counted;
  readonly asText: Counted;
}

interface Counted {
  readonly count: TokenCount;
  readonly texts: number;
}

async function counted(counter: TokenCounter, texts: readonly string[]): Promise<Counted> {
  return { count: await counter.count(texts), texts: texts.length };
}

async function countsOf(
  { plain, escaped }: RequestTexts,
  counters: TokenCounters,
): Promise<readonly [Counts, ...Counts[]]> {
  const countsBy = async (counter: TokenCounter): Promise<Counts> => ({
    plain: await counted(counter, plain),
    asJson: await counted(counter, escaped.asJson),
    asText: await counted(counter, escaped.asText),
  });
  const [first, ...others] = counters;
  const counts: [Counts, ...Counts[]] = [await countsBy(first)];
  for (const counter of others) counts.push(await countsBy(counter));
  return counts;
}

/** Returns the most that one of the vocabularies, or a provider's form of a structured value, needs. */
function boundOf(counts: readonly Counts[], marginPercent: bigint): bigint {
  return counts
    .map(({ plain, asJson, asText }) => {
      const structured = max(
        boundOfCount(asJson, marginPercent),
        boundOfCount(asText, marginPercent),
      );
      return boundOfCount(plain, marginPercent) + structured;
    })
    .reduce(max, 0n);
}

/** Returns the likely tokens, by the first vocabulary. */
function likelyOf([{ plain, asJson }]: readonly [Counts, ...Counts[]]): bigint {
  return tokensLikely(plain.count) + tokensLikely(asJson.count);
}

/**
 * Returns the margin's bound, or that of the bytes if it is lower: no byte-level tokeniser has a token
 * without a byte.
 */
function boundOfCount({ count, texts }: Counted, marginPercent: bigint): bigint {
  if (texts === 0) return 0n;
  const bytes = count.countedBytes + count.uncountedBytes;
  const bound = withMargin(count.counted, marginPercent) + count.uncountedBytes;
  return (bound < bytes ? bound : bytes) + BigInt(texts);
}

function withMargin(tokens: bigint, marginPercent: bigint): bigint {
  return tokens + (tokens * marginPercent) / 100n + 1n;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
