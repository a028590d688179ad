import { base64Of, numbersOf } from "@sluice/domain";
import { type CompletedOutcome, promptTokensOf } from "./completion.ts";

/** Returns OpenAI's list of embeddings in base64, whose 32-bit floats are those of {@link numberListParts}. */
export function base64ListOf(outcome: CompletedOutcome): object {
  const { embeddings } = outcome.completed.answer;
  const data = embeddings.map((embedding, index) => ({
    object: "embedding",
    index,
    embedding: base64Of(embedding),
  }));
  return { object: "list", data, ...restOf(outcome) };
}

/** Returns the bytes that the embeddings occupy until all of them are printed. */
export function embeddingBytesOf({ completed }: CompletedOutcome): number {
  return completed.answer.embeddings.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** 1,024 numbers are printed in less than a millisecond, and have at most 24 KB. */
const sliceBytes = 1_024 * Float32Array.BYTES_PER_ELEMENT;
const partLengthMin = 16 * 1_024;

/**
 * Yields the parts of OpenAI's list of embeddings as numbers. An answer of 1.5 MiB becomes 8 MB of
 * JSON, in one embedding or in hundreds. Printed at once, it would stop all other requests for more
 * than 100 ms.
 */
export function* numberListParts(outcome: CompletedOutcome): Generator<string> {
  let part = '{"object":"list","data":[';
  for (const [index, embedding] of outcome.completed.answer.embeddings.entries()) {
    part += `${index === 0 ? "" : ","}{"object":"embedding","index":${index},"embedding":[`;
    for (let at = 0; at < embedding.byteLength; at += sliceBytes) {
      const numbers = numbersOf(embedding.subarray(at, at + sliceBytes));
      part += `${at === 0 ? "" : ","}${JSON.stringify(numbers).slice(1, -1)}`;
      if (part.length < partLengthMin) continue;
      yield part;
      part = "";
    }
    part += "]}";
  }
  yield `${part}],${JSON.stringify(restOf(outcome)).slice(1)}`;
}

function restOf({ completed: { usage, variant } }: CompletedOutcome): object {
  const tokens = promptTokensOf(usage);
  return { model: variant, usage: { prompt_tokens: tokens, total_tokens: tokens } };
}
