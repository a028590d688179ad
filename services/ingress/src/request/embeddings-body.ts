import type { InferenceRequested } from "@sluice/contracts";
import { embeddingBytesMax, embeddingInputsMax } from "@sluice/domain";
import { z } from "zod";
import type { AskedBody } from "./request-body.ts";
import { checked, invalid, parsed, refuseDepth, setParametersOf } from "./schema-check.ts";
import { unsupported } from "./unsupported.ts";

const text = z.string().min(1, "it must not be empty");
/** Of the model's own vocabulary; a record holds numbers of 32 bits. */
const tokens = z
  .array(
    z
      .number()
      .int()
      .min(0)
      .max(2 ** 31 - 1),
  )
  .min(1, "it must not be empty");
const many = <T>(input: z.ZodType<T>): z.ZodArray<z.ZodType<T>> =>
  z.array(input).min(1, "it must hold at least one input").max(embeddingInputsMax);

const dimensions = z
  .number()
  .int()
  .min(1)
  .max(embeddingBytesMax / 4)
  .nullish();
const user = z.string().max(512).nullish();

const body = z.strictObject({
  model: z.string().min(1).max(128),
  input: z.unknown(),
  dimensions,
  encoding_format: z.enum(["float", "base64"]).nullish(),
  user,
});

const parameters = z.strictObject({
  dimensions,
  encoding_format: unsupported("embeddings in a record are bytes"),
  user,
});

/** How the caller wants to read an embedding: numbers, or base64 of its bits. */
export type Encoding = "float" | "base64";

/** Embeddings as they are asked for, before anything is decided. */
export interface EmbeddingsBody extends AskedBody {
  readonly encoding: Encoding;
}

type Inputs = Pick<InferenceRequested, "inputs" | "tokenInputs">;

/** @throws ApiError 400 naming the member that is wrong and what it may be. */
export function parseEmbeddingsBody(value: unknown): EmbeddingsBody {
  refuseDepth(value);
  const { model, input, encoding_format: encoding, ...rest } = checked(body, value);
  return {
    operation: "embeddings",
    model,
    messages: [],
    ...inputsOf(input),
    parameters: setParametersOf(rest),
    stream: false,
    encoding: encoding ?? "float",
  };
}

/**
 * Inputs and parameters of a record.
 *
 * @throws ApiError 400 with the path of what is wrong.
 */
export function checkEmbeddings({
  inputs,
  tokenInputs,
  parameters: given,
}: InferenceRequested): void {
  if (inputs.length > 0 && tokenInputs.length > 0)
    throw invalid("tokenInputs", "inputs are texts or tokens, not both");
  if (tokenInputs.length > 0) checked(many(tokens), tokenInputs, ["tokenInputs"]);
  else checked(many(text), inputs, ["inputs"]);
  checked(parameters, parsed(given, "parameters", "object"), ["parameters"]);
}

/** One text or many, the tokens of one or of many: told apart by the first, and the others must be like it. */
function inputsOf(input: unknown): Inputs {
  const within = ["input"];
  const first: unknown = Array.isArray(input) ? input[0] : undefined;
  if (typeof first === "number")
    return { inputs: [], tokenInputs: [checked(tokens, input, within)] };
  if (Array.isArray(first))
    return { inputs: [], tokenInputs: checked(many(tokens), input, within) };
  if (Array.isArray(input)) return { inputs: checked(many(text), input, within), tokenInputs: [] };
  return { inputs: [checked(text, input, within)], tokenInputs: [] };
}
