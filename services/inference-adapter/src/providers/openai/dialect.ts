import type { Dialect } from "@sluice/declarations";

/** OpenAI's API. */
export const plainDialect: Dialect = {
  outputLimitParameter: null,
  streamOptions: true,
  embeddingEncoding: "base64",
  reasoningInHistory: true,
};
