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
  const reasoning = figures.reasoningTokens ?? 0n;
  const arrived = reportedOutput === null || isCut ? await outputTokensOf(answer, counter) : 0n;
  // The text that arrived contains the visible reasoning, which the reported output does not.
  const isTooFew = reportedOutput === null || isFarLess(reportedOutput + reasoning, arrived);
  const outputTokens = isTooFew
    ? larger(arrived - reasoning, reportedOutput ?? 0n)
    : reportedOutput;
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

function larger(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
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
  cacheWriteHourTokens: null,
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
    ...callTextsOf(toolCalls),
    toolCallId ?? "",
    name ?? "",
    reasoningOf(members),
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
    ...callTextsOf(toolCalls),
    // The reasoning is billed as output.
    reasoningOf(members),
  ]);
}

/**
 * Returns what the model wrote of its tool calls. The ids are the server's, and other members are signatures of the
 * reasoning, of many kilobytes.
 */
function callTextsOf(toolCalls: string | null): readonly string[] {
  const calls = parsed(toolCalls ?? "[]");
  if (!Array.isArray(calls)) return [];
  return calls.map(membersOf).flatMap((call) => {
    const { name, arguments: args } = membersOf(call["function"]);
    const custom = membersOf(call["custom"]);
    return [name, args, custom["name"], custom["input"]].map(textOf);
  });
}

/**
 * Returns the reasoning of a message once: OpenRouter sends the same thought as text and in details. The details can
 * have encrypted reasoning and signatures, whose length has no relation to their tokens.
 */
function reasoningOf(members: string | null): string {
  const read = membersOf(parsed(members ?? "{}"));
  const { reasoning_content: content, reasoning, reasoning_details: details } = read;
  return textOf(content) || textOf(reasoning) || textOf(details);
}

/** Returns a text, or the joined texts of parts. Parts of other kinds have no text. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  const parts: readonly unknown[] = Array.isArray(value) ? value : [value];
  return parts
    .map(membersOf)
    .flatMap(({ text, summary }) => [text, summary])
    .map((text) => (typeof text === "string" ? text : ""))
    .join("");
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
