import type { InferenceRequested } from "@sluice/contracts";
import type { Declarations } from "@sluice/declarations";
import { isTier, embeddingsThatFit } from "@sluice/domain";

/** What of a request decides which model may answer it. */
export type Choosing = Pick<
  InferenceRequested,
  "operation" | "model" | "inputs" | "tokenInputs" | "parameters"
>;

export interface ModelRefusal {
  readonly code: "model_not_found" | "invalid_value";
  readonly reason: string;
  /** The member of the body that is wrong. */
  readonly param: "model" | "input" | "dimensions";
}

/** Why the model cannot do what is asked of it; undefined where it can. Pure. */
export function modelRefusalOf(
  asked: Choosing,
  declarations: Declarations,
): ModelRefusal | undefined {
  const { model, operation } = asked;
  const isOurs = model === "auto" || isTier(model);
  const variant = declarations.variantOf(model);
  if (!isOurs && !variant) return unknownModel(model);
  const dimensions = variant?.dimensions ?? null;
  if (operation === "embeddings")
    return dimensions === null
      ? notForEmbeddings(model, declarations)
      : tooManyEmbeddings(asked, dimensions);
  if (dimensions === null) return undefined;
  const reason = `'${model}' makes embeddings and does not chat; name a chat model, or ask POST /v1/embeddings.`;
  return { code: "invalid_value", param: "model", reason };
}

export function unknownModel(model: string): ModelRefusal {
  const reason = `The model '${model.slice(0, 128)}' does not exist; ask GET /v1/models for those that do.`;
  return { code: "model_not_found", param: "model", reason };
}

function notForEmbeddings(model: string, declarations: Declarations): ModelRefusal {
  const able = declarations.variants().filter(({ dimensions }) => dimensions !== null);
  const remedy =
    able.length === 0
      ? "none is declared that does"
      : `name ${able.map(({ id }) => id).join(" or ")}`;
  // A tier or auto cannot choose: embeddings of two models cannot be compared.
  const reason = `'${model}' makes no embeddings; ${remedy}.`;
  return { code: "invalid_value", param: "model", reason };
}

/** A text may be cut to fit an answer, an embedding may not: what does not fit is refused before it is paid for. */
function tooManyEmbeddings(
  { inputs, tokenInputs, parameters }: Choosing,
  dimensionsMax: number,
): ModelRefusal | undefined {
  const dimensions = dimensionsIn(parameters) ?? dimensionsMax;
  if (dimensions > dimensionsMax) {
    const reason = `The model has ${dimensionsMax} dimensions; ask for as many or fewer.`;
    return { code: "invalid_value", param: "dimensions", reason };
  }
  const count = inputs.length + tokenInputs.length;
  const fitting = embeddingsThatFit(dimensions);
  if (count <= fitting) return undefined;
  const reason = `${count} embeddings of ${dimensions} dimensions do not fit an answer, ${fitting} do; send the inputs in several requests, or ask for fewer dimensions.`;
  return { code: "invalid_value", param: "input", reason };
}

function dimensionsIn(parameters: string): number | null {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked by its schema before
  const { dimensions } = JSON.parse(parameters) as { readonly dimensions?: number | null };
  return dimensions ?? null;
}
