import type { EmbeddingInput, EmbeddingRequest } from "./embedding-request.ts";
import { digestOf, SeededNumbers } from "../seeded.ts";
import type { CountTexts } from "../vocabulary.ts";

/** Counts the tokens of a request: those of its texts, and the token ids that it contains. */
export async function countInputTokens(
  { inputs }: EmbeddingRequest,
  countTexts: CountTexts,
): Promise<number> {
  const texts = inputs.filter((input) => typeof input === "string");
  const ids = inputs.filter((input) => typeof input !== "string");
  return (await countTexts(texts)) + ids.reduce((sum, { length }) => sum + length, 0);
}

/** Returns a digest of the inputs that does not depend on the model or the parameters. */
export function inputDigestOf({ inputs }: EmbeddingRequest): string {
  return digestOf("embeddings", inputs);
}

/** Returns the text in which faults search for markers. */
export function inputTextOf({ inputs }: EmbeddingRequest): string {
  return inputs.filter((input) => typeof input === "string").join("\n");
}

/**
 * Returns an embedding of length 1 that depends on model and input only. A shorter one is its beginning,
 * scaled to length 1 again.
 */
export function embeddingOf(
  model: string,
  input: EmbeddingInput,
  dimensions: number,
): Float32Array {
  const numbers = new SeededNumbers("embedding", model, input);
  const drawn = Float64Array.from({ length: dimensions }, () => numbers.next() * 2 - 1);
  const length = Math.hypot(...drawn);
  return Float32Array.from(drawn, (number) => number / length);
}

/** Returns OpenAI's list of embeddings, without usage if `promptTokens` is null. */
export function embeddingListOf(
  request: EmbeddingRequest,
  embeddings: readonly Float32Array[],
  promptTokens: number | null,
): object {
  const usage = { prompt_tokens: promptTokens, total_tokens: promptTokens };
  return {
    object: "list",
    simulated: true,
    model: request.model,
    data: embeddings.map((embedding, index) => ({
      object: "embedding",
      index,
      embedding: request.encoding === "base64" ? base64Of(embedding) : [...embedding],
    })),
    ...(promptTokens !== null && { usage }),
  };
}

function base64Of(embedding: Float32Array): string {
  const bytes = Buffer.alloc(embedding.length * 4);
  embedding.forEach((number, index) => bytes.writeFloatLE(number, index * 4));
  return bytes.toString("base64");
}
