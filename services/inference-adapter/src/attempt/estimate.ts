import type { Answer, InferenceRequested, Usage } from "@sluice/contracts";
import type { TokenCounter } from "./token-counter.ts";

/** What OpenAI's chat format adds: per message, and once to prime the answer. */
const tokensPerMessage = 4n;
const tokensPerPrompt = 3n;
/** An image of low detail; what more detail costs depends on sizes that are not looked at here. */
const tokensPerMedium = 85n;

export interface CompletedUsage {
  readonly usage: Usage;
  /** Names of the figures that were estimated here. */
  readonly estimatedFigures: readonly string[];
}

/** Fills in what the provider did not report; what it did report stays as it is. */
export async function completedUsage(
  reported: Usage | null,
  request: InferenceRequested,
  answer: Answer | null,
  counter: TokenCounter,
): Promise<CompletedUsage> {
  const known = { ...nothingReported, ...reported, ...putOutBy(request) };
  const inputTokens = known.inputTokens ?? (await inputTokensOf(request, counter));
  const outputTokens = known.outputTokens ?? (await counter.count(textsOf(answer)));
  const estimatedFigures = [
    ...(known.inputTokens === null ? ["inputTokens"] : []),
    ...(known.outputTokens === null ? ["outputTokens"] : []),
  ];
  return { usage: { ...known, inputTokens, outputTokens }, estimatedFigures };
}

/** An embedding has no tokens, whether anybody says so or not. */
function putOutBy({ operation }: InferenceRequested): Partial<Usage> {
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
    const given = tokenInputs.reduce((sum, { length }) => sum + length, 0);
    return (await counter.count(inputs)) + BigInt(given);
  }
  const texts = messages.flatMap(({ content, toolCalls, name }) => [
    content,
    toolCalls ?? "",
    name ?? "",
  ]);
  const counted = await counter.count([...texts, ...definitionsOf(parameters)]);
  const media = messages.reduce((sum, { parts }) => sum + mediaOf(parts), 0);
  return (
    counted +
    tokensPerPrompt +
    BigInt(messages.length) * tokensPerMessage +
    BigInt(media) * tokensPerMedium
  );
}

/** Tools and an answer's schema are part of the prompt. */
function definitionsOf(parameters: string): readonly string[] {
  const read = parsed(parameters);
  if (typeof read !== "object" || read === null) return [];
  const { tools, response_format: format } = read as { tools?: unknown; response_format?: unknown };
  return [tools, format].flatMap((part) => (part ? [JSON.stringify(part)] : []));
}

function mediaOf(parts: string | null): number {
  const read = parsed(parts ?? "[]");
  if (!Array.isArray(read)) return 0;
  return read.filter((part: { readonly type?: unknown } | null) => part?.type !== "text").length;
}

function textsOf(answer: Answer | null): readonly string[] {
  return (answer?.choices ?? []).flatMap(({ content, refusal, toolCalls }) => [
    content ?? "",
    refusal ?? "",
    toolCalls ?? "",
  ]);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
