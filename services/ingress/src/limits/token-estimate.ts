import type { InferenceRequested, Usage } from "@sluice/contracts";
import { totalTokensOf } from "@sluice/domain";

/** English text has about four bytes a token in the vocabularies of OpenAI. */
const bytesPerToken = 4;

/**
 * Returns the tokens that a request counts for before its answer is known: its texts, and the output limit that it sets, for each
 * answer. Images, and the answer of a request that sets no limit, count when the answer is known. Pure.
 */
export function estimatedTokensOf(request: InferenceRequested): number {
  const { messages, inputs, tokenInputs, parameters } = request;
  const texts = [
    ...messages.flatMap(({ content, toolCalls }) => [content, toolCalls ?? ""]),
    ...inputs,
    parameters,
  ];
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const given = tokenInputs.reduce((sum, tokens) => sum + tokens.length, 0);
  return Math.ceil(bytes / bytesPerToken) + given + outputTokensOf(parameters);
}

/** Returns the tokens that an answer has by its usage. */
export function answeredTokensOf(usage: Usage): number {
  return Number(totalTokensOf(usage));
}

interface OutputParameters {
  readonly n?: number | null;
  readonly max_completion_tokens?: number | null;
  readonly max_tokens?: number | null;
}

function outputTokensOf(parameters: string): number {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the request was checked before
  const given = JSON.parse(parameters) as OutputParameters;
  return (given.max_completion_tokens ?? given.max_tokens ?? 0) * (given.n ?? 1);
}
