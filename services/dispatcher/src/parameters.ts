import type { InferenceRequested } from "@sluice/contracts";
import { openAiRequestMembers } from "@sluice/declarations";

/**
 * Returns the output limit of one answer that the client set, in tokens; undefined if the tier's
 * limit applies.
 */
export function requestedOutputLimit({ parameters }: InferenceRequested): number | undefined {
  const { max_completion_tokens: completion, max_tokens: total } = parametersOf(parameters);
  return completion ?? total;
}

/** Returns how many answers the request asks for: `n`, or one embedding for each input. */
export function answersOf(request: InferenceRequested): number {
  const { operation, inputs, tokenInputs, parameters } = request;
  if (operation === "embeddings") return inputs.length + tokenInputs.length;
  return parametersOf(parameters).n ?? 1;
}

/**
 * Returns the names of the parameters that OpenAI's API does not have. Only some models take them. null means absent: it
 * must not exclude a model, and records on Kafka have it as their producers wrote it.
 */
export function additionalMembersOf({ parameters }: InferenceRequested): readonly string[] {
  return Object.entries(parametersOf(parameters))
    .filter(([name, value]) => value !== null && !openAiRequestMembers.has(name))
    .map(([name]) => name);
}

interface CountedParameters {
  readonly n?: number;
  readonly max_completion_tokens?: number;
  readonly max_tokens?: number;
}

/**
 * Parses the parameters without a check, because ingress has checked the names and ranges of every
 * request.
 */
function parametersOf(text: string): CountedParameters {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked by ingress
  return JSON.parse(text) as CountedParameters;
}
