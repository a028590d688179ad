import { badRequest } from "../api-error.ts";
import { isObject, isWholeNumber, type JsonObject } from "../json.ts";

/** One input: a text, or the token ids that the client computed from it. */
export type EmbeddingInput = string | readonly number[];

/** A request for embeddings that has passed all checks of its form. */
export interface EmbeddingRequest {
  readonly model: string;
  readonly inputs: readonly EmbeddingInput[];
  /** null for as many as the model has. */
  readonly dimensions: number | null;
  readonly encoding: "float" | "base64";
}

const INPUTS_MAX = 2_048;
const TOKEN_MAX = 200_000;

/**
 * Parses the body of `POST /v1/embeddings`.
 *
 * @throws ApiError 400 that names the first parameter that OpenAI would refuse
 */
export function parseEmbeddingRequest(body: unknown): EmbeddingRequest {
  if (!isObject(body)) throw badRequest("The body must be a JSON object.");
  const { model, encoding_format: encoding = "float" } = body;
  if (typeof model !== "string" || model === "")
    throw badRequest("you must provide a model parameter", "model");
  if (encoding !== "float" && encoding !== "base64")
    throw badRequest("'encoding_format' must be float or base64.", "encoding_format");
  return { model, inputs: parseInputs(body), dimensions: parseDimensions(body), encoding };
}

function parseInputs({ input }: JsonObject): readonly EmbeddingInput[] {
  const inputs: readonly unknown[] = isTokens(input) || !Array.isArray(input) ? [input] : input;
  if (inputs.length === 0 || inputs.length > INPUTS_MAX)
    throw badRequest(`'input' must be 1 to ${INPUTS_MAX} inputs.`, "input");
  if (inputs.every(isText) || inputs.every(isTokens)) return inputs;
  throw badRequest("'$.input' is invalid. Please check the API reference.", "input");
}

function isText(input: unknown): input is string {
  return typeof input === "string" && input !== "";
}

function isTokens(input: unknown): input is readonly number[] {
  return (
    Array.isArray(input) &&
    input.length > 0 &&
    input.every((token) => isWholeNumber(token, 0, TOKEN_MAX))
  );
}

function parseDimensions({ dimensions }: JsonObject): number | null {
  if (dimensions === undefined || dimensions === null) return null;
  if (isWholeNumber(dimensions, 1, 100_000)) return dimensions;
  throw badRequest("'dimensions' must be a whole number of at least 1.", "dimensions");
}
