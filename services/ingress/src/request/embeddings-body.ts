import type { InferenceRequested } from "@sluice/contracts";
import type { AdditionalMembers } from "@sluice/declarations";
import { embeddingBytesMax, embeddingInputsMax } from "@sluice/domain";
import { z } from "zod";
import { splitAdditional, unknownRemedy } from "./additional-members.ts";
import { invalidValue, parsed, type Parsed, type Refusal, refusalIn } from "./refusal.ts";
import { modelLengthMax } from "./record-limits.ts";
import type { RequestBody } from "./request-body.ts";
import { checkSchema, depthRefusalOf, parseJson, setParametersOf } from "./schema-check.ts";
import { unsupported } from "./unsupported.ts";

const text = z.string().min(1, "it must not be empty");
/** Token ids of the model's own vocabulary; a record holds them as 32-bit integers. */
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
  model: z.string().min(1).max(modelLengthMax),
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

/** The form in which a client receives an embedding: numbers, or base64 of its 32-bit floats. */
export type Encoding = "float" | "base64";

/** The body of `POST /v1/embeddings`. */
export interface EmbeddingsBody extends RequestBody {
  readonly encoding: Encoding;
}

type Inputs = Pick<InferenceRequested, "inputs" | "tokenInputs">;

/** Reads a body for embeddings. A refusal names the wrong member and the values that it may have. */
export function parseEmbeddingsBody(
  value: unknown,
  allowed: AdditionalMembers,
): Parsed<EmbeddingsBody> {
  const tooDeep = depthRefusalOf(value);
  if (tooDeep) return tooDeep;
  const split = splitAdditional(value, allowed);
  if (split.kind === "refused") return split;
  const { others, additional } = split.value;
  const checked = checkSchema(body, others, [], unknownRemedy);
  if (checked.kind === "refused") return checked;
  const { model, input, encoding_format: encoding, ...rest } = checked.value;
  const inputs = parseInputs(input);
  if (inputs.kind === "refused") return inputs;
  return parsed({
    operation: "embeddings",
    model,
    messages: [],
    ...inputs.value,
    parameters: setParametersOf({ ...rest, ...additional }),
    stream: false,
    encoding: encoding ?? "float",
  });
}

/** Returns why the inputs or parameters of a record for embeddings are refused; undefined if they are valid. */
export function embeddingsRefusalOf(
  { inputs, tokenInputs, parameters: given }: Inputs & Pick<InferenceRequested, "parameters">,
  allowed: AdditionalMembers,
): Refusal | undefined {
  if (inputs.length > 0 && tokenInputs.length > 0)
    return invalidValue("tokenInputs", "inputs are texts or tokens, not both");
  const wrongInput =
    tokenInputs.length > 0
      ? refusalIn(checkSchema(many(tokens), tokenInputs, ["tokenInputs"]))
      : refusalIn(checkSchema(many(text), inputs, ["inputs"]));
  if (wrongInput) return wrongInput;
  const json = parseJson(given, "parameters", "object");
  if (json.kind === "refused") return json;
  const split = splitAdditional(json.value, allowed, ["parameters"]);
  if (split.kind === "refused") return split;
  return refusalIn(checkSchema(parameters, split.value.others, ["parameters"], unknownRemedy));
}

/**
 * Reads one text, several texts, the tokens of one input, or the tokens of several. The first
 * element decides which of these it is, and all others must be of the same kind.
 */
function parseInputs(input: unknown): Parsed<Inputs> {
  const within = ["input"];
  if (!Array.isArray(input)) return textsOf(one(checkSchema(text, input, within)));
  const first: unknown = input[0];
  if (typeof first === "number") return tokensOf(one(checkSchema(tokens, input, within)));
  if (Array.isArray(first)) return tokensOf(checkSchema(many(tokens), input, within));
  return textsOf(checkSchema(many(text), input, within));
}

function one<T>(input: Parsed<T>): Parsed<readonly T[]> {
  return input.kind === "refused" ? input : parsed([input.value]);
}

function textsOf(inputs: Parsed<Inputs["inputs"]>): Parsed<Inputs> {
  return inputs.kind === "refused" ? inputs : parsed({ inputs: inputs.value, tokenInputs: [] });
}

function tokensOf(inputs: Parsed<Inputs["tokenInputs"]>): Parsed<Inputs> {
  return inputs.kind === "refused" ? inputs : parsed({ inputs: [], tokenInputs: inputs.value });
}
