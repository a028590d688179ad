import type { InferenceRequested } from "@sluice/contracts";
import type { Declarations } from "@sluice/declarations";
import { isTier, embeddingsThatFit } from "@sluice/domain";
import { type Refusal, refused } from "./refusal.ts";

/** The members of a request that decide which model may answer it. */
export type ModelChoice = Pick<
  InferenceRequested,
  "operation" | "model" | "inputs" | "tokenInputs" | "parameters"
>;

/** Returns why the named model cannot answer the request; undefined if it can. Pure. */
export function modelRefusalOf(
  choice: ModelChoice,
  declarations: Declarations,
): Refusal | undefined {
  const { model, operation } = choice;
  const isOurs = model === "auto" || isTier(model);
  const variant = declarations.variantOf(model);
  if (!isOurs && !variant) return unknownModel(model);
  const dimensions = variant?.dimensions ?? null;
  if (operation === "embeddings")
    return dimensions === null
      ? notForEmbeddings(model, declarations)
      : tooManyEmbeddings(choice, dimensions);
  if (dimensions === null) return undefined;
  const reason = `'${model}' makes embeddings and does not chat; name a chat model, or send the request to POST /v1/embeddings.`;
  return refused("invalid_value", reason, "model");
}

export function unknownModel(model: string): Refusal {
  const reason = `The model '${model.slice(0, 128)}' does not exist; GET /v1/models lists the models that do.`;
  return refused("model_not_found", reason, "model");
}

function notForEmbeddings(model: string, declarations: Declarations): Refusal {
  const able = declarations.variants().filter(({ dimensions }) => dimensions !== null);
  const remedy =
    able.length === 0
      ? "sluice.yaml declares no model that does"
      : `name ${able.map(({ id }) => id).join(" or ")}`;
  // The client must name the model. A tier or auto could change it, and embeddings of two models cannot be compared.
  const reason = `'${model}' makes no embeddings; ${remedy}.`;
  return refused("invalid_value", reason, "model");
}

/**
 * An answer that is too long may be cut, but an embedding may not. Embeddings that do not fit an
 * answer are therefore refused before the provider is paid for them.
 */
function tooManyEmbeddings(
  { inputs, tokenInputs, parameters }: ModelChoice,
  dimensionsMax: number,
): Refusal | undefined {
  const dimensions = dimensionsIn(parameters) ?? dimensionsMax;
  if (dimensions > dimensionsMax) {
    const reason = `The model has ${dimensionsMax} dimensions; ask for as many or fewer.`;
    return refused("invalid_value", reason, "dimensions");
  }
  const count = inputs.length + tokenInputs.length;
  const fitting = embeddingsThatFit(dimensions);
  if (count <= fitting) return undefined;
  const reason = `${count} embeddings of ${dimensions} dimensions do not fit an answer, ${fitting} do; send the inputs in several requests, or ask for fewer dimensions.`;
  return refused("invalid_value", reason, "input");
}

function dimensionsIn(parameters: string): number | null {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the parameters were checked against their schema before
  const { dimensions } = JSON.parse(parameters) as { readonly dimensions?: number | null };
  return dimensions ?? null;
}
