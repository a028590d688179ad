import type { InferenceRequested } from "@sluice/contracts";

/** Most tokens of one answer as the caller set it; undefined where the tier's limit applies. */
export function outputLimitAskedFor({ parameters }: InferenceRequested): number | undefined {
  const { max_completion_tokens: completion, max_tokens: total } = parametersOf(parameters);
  return completion ?? total;
}

/** How many answers were asked for: `n`, or an embedding per input. */
export function answersOf(request: InferenceRequested): number {
  const { operation, inputs, tokenInputs, parameters } = request;
  if (operation === "embeddings") return inputs.length + tokenInputs.length;
  return parametersOf(parameters).n ?? 1;
}

interface CountedParameters {
  readonly n?: number;
  readonly max_completion_tokens?: number;
  readonly max_tokens?: number;
}

/** Ingress has checked names and ranges; a request that it did not check never gets here. */
function parametersOf(text: string): CountedParameters {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked by ingress
  return JSON.parse(text) as CountedParameters;
}
