import type { Answer, InferenceRequested, Usage } from "@sluice/contracts";
import { type TokenCounter, tokensLikely } from "@sluice/tokens";

/** Tokens that OpenAI's chat format adds: for each message, and once before the answer. */
const tokensPerMessage = 4n;
const tokensPerPrompt = 3n;
/**
 * Tokens of an image of low detail. A higher detail costs more, depending on a size that is not
 * read here.
 */
const tokensPerMediaPart = 85n;

export interface CompletedUsage {
  readonly usage: Usage;
  /** The fields of `usage` that were estimated. */
  readonly estimatedFigures: readonly string[];
}

/**
 * Returns the usage with the figures that the provider did not report. Reported figures stay, except an output that is
 * far less than the text that arrived: of an answer that broke off, the provider had reported only the beginning.
 *
 * These are the likely values, because they are charged. The dispatcher has an estimate of its own
 * (`input-estimate.ts`), which is an upper bound for the reservation, so the two must not be merged.
 */
export async function completedUsage(
  reported: Usage | null,
  request: InferenceRequested,
  answer: Answer | null,
  counter: TokenCounter,
  isCut = false,
): Promise<CompletedUsage> {
  const figures = { ...nothingReported, ...reported, ...fixedUsageOf(request) };
  const inputTokens = figures.inputTokens ?? (await inputTokensOf(request, counter));
  const reportedOutput = figures.outputTokens;
  const arrived =
    reportedOutput === null || isCut ? await outputTokensOf(answer, counter) : reportedOutput;
  const isTooFew = reportedOutput === null || isFarLess(reportedOutput, arrived);
  const outputTokens = isTooFew ? arrived : reportedOutput;
  const estimatedFigures = [
    ...(figures.inputTokens === null ? ["inputTokens"] : []),
    ...(isTooFew ? ["outputTokens"] : []),
  ];
  return { usage: { ...figures, inputTokens, outputTokens }, estimatedFigures };
}

/** Tokenisers of two vendors differ by less than this. */
function isFarLess(reported: bigint, counted: bigint): boolean {
  return counted > 10n + (reported * 3n) / 2n;
}

async function outputTokensOf(answer: Answer | null, counter: TokenCounter): Promise<bigint> {
  return tokensLikely(await counter.count(textsOf(answer)));
}

/** Embeddings have no output tokens, whatever the provider reports. */
function fixedUsageOf({ operation }: InferenceRequested): Partial<Usage> {
  return operation === "embeddings" ? { outputTokens: 0n } : {};
}

const nothingReported: Usage = {
  inputTokens: null,
  cachedInputTokens: null,
  cacheWriteTokens: null,
  outputTokens: null,
  reasoningTokens: null,
  otherTokens: {},
};

async function inputTokensOf(request: InferenceRequested, counter: TokenCounter): Promise<bigint> {
  const { messages, parameters, operation, inputs, tokenInputs } = request;
  if (operation === "embeddings") {
    const tokens = tokenInputs.reduce((sum, { length }) => sum + length, 0);
    return tokensLikely(await counter.count(inputs)) + BigInt(tokens);
  }
  const texts = messages.flatMap(({ content, toolCalls, toolCallId, name, members }) => [
    content,
    toolCalls ?? "",
    toolCallId ?? "",
    name ?? "",
    members ?? "",
  ]);
  const counted = tokensLikely(await counter.count([...texts, ...definitionsOf(parameters)]));
  const media = messages.reduce((sum, { parts }) => sum + mediaOf(parts), 0);
  return (
    counted +
    tokensPerPrompt +
    BigInt(messages.length) * tokensPerMessage +
    BigInt(media) * tokensPerMediaPart
  );
}

/** Returns the tools and the schema of the answer, which providers put into the prompt. */
function definitionsOf(parameters: string): readonly string[] {
  const read = parsed(parameters);
  if (typeof read !== "object" || read === null) return [];
  const { tools, response_format: format } = read as { tools?: unknown; response_format?: unknown };
  return [tools, format].flatMap((part) => (part ? [JSON.stringify(part)] : []));
}

/** Parts whose texts are the content of the message. */
const textTypes: readonly unknown[] = ["text", "refusal"];

function mediaOf(parts: string | null): number {
  const read = parsed(parts ?? "[]");
  if (!Array.isArray(read)) return 0;
  return read.filter((part: { readonly type?: unknown } | null) => !textTypes.includes(part?.type))
    .length;
}

function textsOf(answer: Answer | null): readonly string[] {
  return (answer?.choices ?? []).flatMap(({ content, refusal, toolCalls, members }) => [
    content ?? "",
    refusal ?? "",
    toolCalls ?? "",
    // The reasoning, which is billed as output.
    members ?? "",
  ]);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
