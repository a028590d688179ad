import { base64Of, numbersOf } from "@sluice/domain";
import { type CompletedOutcome, promptTokensOf } from "./completion.ts";
import type { Encoding } from "../../request/embeddings-body.ts";

/** OpenAI's list of embeddings. Both encodings are the same bits. */
export function embeddingListOf({ completed }: CompletedOutcome, encoding: Encoding): object {
  const { answer, usage, variant } = completed;
  const tell = encoding === "base64" ? base64Of : numbersOf;
  const tokens = promptTokensOf(usage);
  return {
    object: "list",
    data: answer.embeddings.map((embedding, index) => ({
      object: "embedding",
      index,
      embedding: tell(embedding),
    })),
    model: variant,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}
