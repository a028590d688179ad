import type { EmbeddingsRequest } from "./embeddings-client.ts";

/** A request with a value of the parameter, and one with another value that may need another cache entry. */
export interface EmbeddingCase {
  readonly sent: (input: string) => EmbeddingsRequest;
  readonly other: (input: string) => EmbeddingsRequest;
  /** The value that the provider receives for the parameter. */
  readonly arrives: (input: string) => unknown;
}

const modelServed = { model: "sim-embedding-small" };

/** By the parameter's name in docs/reference/openai.md. */
export const embeddingCases: Readonly<Record<string, EmbeddingCase>> = {
  input: {
    sent: (input) => ({ input: [input, "b"] }),
    other: (input) => ({ input: ["b", input] }),
    arrives: (input) => [input, "b"],
  },
  model: {
    sent: (input) => ({ input, ...modelServed }),
    other: (input) => ({ input, model: "sim-embedding-large" }),
    arrives: () => modelServed.model,
  },
  dimensions: {
    sent: (input) => ({ input, dimensions: 24 }),
    other: (input) => ({ input, dimensions: 25 }),
    arrives: () => 24,
  },
  encoding_format: {
    sent: (input) => ({ input, encoding_format: "float" }),
    other: (input) => ({ input, encoding_format: "base64" }),
    arrives: () => "base64",
  },
  user: {
    sent: (input) => ({ input, user: "ann" }),
    other: (input) => ({ input, user: "bob" }),
    arrives: () => "ann",
  },
};

/** The inputs that the provider receives for each form of inputs. */
export const inputForms: Readonly<
  Record<
    string,
    readonly [sent: EmbeddingsRequest["input"], arrives: readonly (string | readonly number[])[]]
  >
> = {
  "one text": ["a", ["a"]],
  "a list of texts": [
    ["a", "b"],
    ["a", "b"],
  ],
  "the tokens of one text": [[3, 1, 4], [[3, 1, 4]]],
  "a list of such lists": [
    [[3, 1], [4]],
    [[3, 1], [4]],
  ],
};

export interface RefusedRequest {
  readonly what: string;
  readonly request: object;
  readonly param: string | null;
  readonly code?: string;
  readonly message?: RegExp;
}

const many = (count: number): string[] => Array.from({ length: count }, () => "a");
const empty = /must not be empty/;
const noEmbeddings = /makes no embeddings; name sim-embedding-small or sim-embedding-large/;

/** Requests that get status 400. */
export const refused: readonly RefusedRequest[] = [
  { what: "no input", request: { input: undefined }, param: "input" },
  { what: "an empty input", request: { input: "" }, param: "input", message: empty },
  { what: "an empty one of many", request: { input: ["a", ""] }, param: "input.1", message: empty },
  { what: "texts and tokens at once", request: { input: ["a", [1]] }, param: "input.1" },
  { what: "no inputs", request: { input: [] }, param: "input", message: /at least one input/ },
  { what: "more inputs than OpenAI takes", request: { input: many(2_049) }, param: "input" },
  {
    what: "more embeddings than an answer holds",
    request: { input: many(257) },
    param: "input",
    message: /257 embeddings of 1536 dimensions do not fit an answer, 256 do/,
  },
  {
    what: "more dimensions than the model has",
    request: { input: "a", dimensions: 1_537 },
    param: "dimensions",
    message: /has 1536 dimensions/,
  },
  { what: "no dimensions", request: { input: "a", dimensions: 0 }, param: "dimensions" },
  {
    what: "an unknown encoding",
    request: { input: "a", encoding_format: "hex" },
    param: "encoding_format",
  },
  { what: "auto", request: { input: "a", model: "auto" }, param: "model", message: noEmbeddings },
  {
    what: "a tier",
    request: { input: "a", model: "economy" },
    param: "model",
    message: noEmbeddings,
  },
  {
    what: "a chat model",
    request: { input: "a", model: "sim-premium" },
    param: "model",
    message: noEmbeddings,
  },
  {
    what: "an input that is too long",
    request: { input: ["a", "word ".repeat(8_193)] },
    param: null,
    code: "context_length_exceeded",
    message: /too long/,
  },
];
