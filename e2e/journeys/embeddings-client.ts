import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Pipeline } from "@sluice/testing";
import OpenAI from "openai";
import { type ProviderCall, recordedCall } from "./compatibility-client.ts";

export const model = "sim-embedding-small";
export const otherSecret = "the-secret-of-other";

const local = readFileSync(new URL("../../infra/local/sluice.yaml", import.meta.url), "utf8");

/** The local stack's declarations, a second tenant, and a model whose embeddings are longer than it declares. */
export const declarations = local
  .replace(
    "providers:\n",
    `  - id: other
    keys: [{ id: other, secret: env:OTHER_SECRET, team: ops, feature: search, user: bot }]

providers:
`,
  )
  .replace(
    "\nrouting:",
    `  - { id: misdeclared, model: sim-embedding-large, provider: simulator, tier: economy, dimensions: 8,
      contextWindow: 8192, prices: [{ effectiveFrom: 2026-01-01, input: 0.13, output: 0 }] }

routing:`,
  );

export type EmbeddingsRequest = Omit<OpenAI.EmbeddingCreateParams, "model"> & {
  readonly model?: string;
};

export interface EmbeddingsResult {
  readonly data: OpenAI.CreateEmbeddingResponse;
  readonly embeddings: readonly (readonly number[])[];
  readonly headers: Headers;
  /** The result of the response cache: exact, miss or bypass. */
  readonly cache: string | null;
}

/** The limit for an answer to be in the cache, long enough for a busy machine. */
const hitLimitMs = 20_000;

/** Requests embeddings with the official client, which has only another base URL and key. */
export class EmbeddingsClient {
  readonly openai: OpenAI;
  readonly #pipeline: Pipeline;

  constructor(pipeline: Pipeline, apiKey = pipeline.demoKey) {
    this.openai = new OpenAI({ baseURL: `${pipeline.http}/v1`, apiKey, maxRetries: 0 });
    this.#pipeline = pipeline;
  }

  async embed(
    request: EmbeddingsRequest,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<EmbeddingsResult> {
    const call = this.openai.embeddings.create({ model, ...request }, { headers });
    const { data, response } = await call.withResponse();
    const embeddings = data.data.map(({ embedding }) => [...embedding]);
    const cache = response.headers.get("x-sluice-cache");
    return { data, embeddings, headers: response.headers, cache };
  }

  /** Returns the embeddings as base64 text, not decoded. */
  async base64(input: readonly string[]): Promise<readonly unknown[]> {
    return base64By(this.openai, input);
  }

  /** Returns the same directly from the provider. */
  async base64OfProvider(input: readonly string[]): Promise<readonly unknown[]> {
    const { dataDir, simulator } = this.#pipeline;
    const apiKey = readFileSync(`${dataDir}/secrets/simulator-key`, "utf8").trim();
    return base64By(new OpenAI({ baseURL: `${simulator.url}/v1`, apiKey }), input);
  }

  /** Repeats a request until the cache answers it. The cache is filled after the first answer. */
  async untilHit(request: EmbeddingsRequest): Promise<EmbeddingsResult> {
    const deadline = Date.now() + hitLimitMs;
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- polling
      const result = await this.embed(request);
      if (result.cache === "exact") return result;
      if (Date.now() > deadline)
        throw new Error(`The answer was not in the cache after ${hitLimitMs} ms.`);
      // oxlint-disable-next-line no-await-in-loop -- as above
      await sleep(100);
    }
  }

  callAtProvider(name: string): Promise<ProviderCall> {
    return recordedCall(this.#pipeline.simulator, name);
  }
}

async function base64By(openai: OpenAI, input: readonly string[]): Promise<readonly unknown[]> {
  const { data } = await openai.embeddings.create({
    model,
    input: [...input],
    encoding_format: "base64",
  });
  return data.map(({ embedding }) => embedding);
}

/** Decodes an embedding of a record without our code, as another reader of the topic would. */
export function floatsIn(embedding: Uint8Array): readonly number[] {
  return [...new Float32Array(Uint8Array.from(embedding).buffer)];
}
