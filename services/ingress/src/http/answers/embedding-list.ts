import { base64Of, numbersOf } from "@sluice/domain";
import { type CompletedOutcome, promptTokensOf } from "./completion.ts";
import type { Encoding } from "../../request/embeddings-body.ts";

/** Returns OpenAI's list of embeddings. Both encodings carry the same 32-bit floats. */
export function embeddingListOf({ completed }: CompletedOutcome, encoding: Encoding): object {
  const { answer, usage, variant } = completed;
  const encode = encoding === "base64" ? base64Of : numbersOf;
  const tokens = promptTokensOf(usage);
  return {
    object: "list",
    data: answer.embeddings.map((embedding, index) => ({
      object: "embedding",
      index,
      embedding: encode(embedding),
    })),
    model: variant,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}
