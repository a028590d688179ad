import type { CacheResult } from "@sluice/contracts";
import { isTier, type TokenUsage } from "@sluice/domain";
import OpenAI from "openai";
import { type DemoOutcome, demoOutcomeOf } from "./demo-outcome.ts";
import type { DemoClient } from "./demo-client.ts";
import type { ReceivedOutcomes } from "./received-outcomes.ts";

/** The limit for one answer. */
const timeoutMs = 120_000;
/** The outcome, which has the number of provider calls, is published right after the answer. */
const outcomeLimitMs = 10_000;

/** Sends prompts as any OpenAI program does: with the official client, another base URL and a key. */
export class HttpDemoClient implements DemoClient {
  readonly #client: OpenAI;
  readonly #received: ReceivedOutcomes;

  /** @param http the base address without `/v1` */
  constructor(http: string, apiKey: string, received: ReceivedOutcomes) {
    // A hidden retry would be a request that the demo does not count.
    this.#client = new OpenAI({
      baseURL: `${http}/v1`,
      apiKey,
      maxRetries: 0,
      timeout: timeoutMs,
    });
    this.#received = received;
  }

  async ask(prompt: string, signal: AbortSignal): Promise<DemoOutcome> {
    try {
      const { data, response } = await this.#client.chat.completions
        .create({ model: "auto", messages: [{ role: "user", content: prompt }] }, { signal })
        .withResponse();
      const tier = response.headers.get("x-sluice-tier") ?? "";
      const cache = response.headers.get("x-sluice-cache") ?? "";
      if (!isTier(tier) || !isCacheResult(cache) || !data.usage)
        return { kind: "unanswered", code: "headers_missing", attempts: 0 };
      // Ingress publishes no outcome for its own hits, because they make no attempt.
      if (cache === "exact")
        return { kind: "answered", tier, cache, usage: usageOf(data.usage), attempts: 0 };
      const requestId = response.headers.get("x-sluice-request-id") ?? "";
      const outcome = await this.#received.outcomeOf(requestId, outcomeLimitMs, signal);
      return outcome
        ? demoOutcomeOf(outcome)
        : { kind: "answered", tier, cache, usage: usageOf(data.usage), attempts: 1 };
    } catch (error) {
      if (!(error instanceof OpenAI.APIError)) throw error;
      return { kind: "unanswered", code: error.code ?? error.name, attempts: 0 };
    }
  }
}

/**
 * Converts OpenAI's usage to our disjoint classes. OpenAI counts cached tokens as part of the prompt,
 * and reasoning tokens as part of the completion.
 */
export function usageOf(usage: OpenAI.CompletionUsage): TokenUsage {
  const cached = usage.prompt_tokens_details?.cached_tokens ?? 0;
  const reasoning = usage.completion_tokens_details?.reasoning_tokens ?? 0;
  return {
    inputTokens: BigInt(usage.prompt_tokens - cached),
    cachedInputTokens: BigInt(cached),
    cacheWriteTokens: null,
    cacheWriteHourTokens: null,
    outputTokens: BigInt(usage.completion_tokens - reasoning),
    reasoningTokens: BigInt(reasoning),
    otherTokens: {},
  };
}

const cacheResults: readonly string[] = [
  "exact",
  "semantic",
  "miss",
  "bypass",
] satisfies readonly CacheResult[];

function isCacheResult(text: string): text is CacheResult {
  return cacheResults.includes(text);
}
