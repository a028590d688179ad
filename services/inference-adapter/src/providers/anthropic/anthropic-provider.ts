import Anthropic from "@anthropic-ai/sdk";
import type { Candidate, InferenceRequested } from "@sluice/contracts";
import { plainDialect } from "@sluice/declarations";
import type { Clock } from "@sluice/domain";
import {
  type OnParts,
  Provider,
  type ProviderBody,
  type ProviderCall,
  type ProviderEnd,
} from "../provider.ts";
import {
  AnswerExchange,
  clientOptionsOf,
  type LimitedCall,
  notSent,
  type ProviderTimeouts,
} from "../wire/answer-exchange.ts";
import {
  clientTimeoutMs,
  type ProviderEndpoint,
  ProviderEndpoints,
  type ProviderFetch,
} from "../wire/provider-endpoints.ts";
import { MessageReader } from "./message-reader.ts";
import { messagesBodyOf } from "./messages-body.ts";
import { isUnsupported, type Unsupported, unsupported } from "./unsupported.ts";

/** Calls any provider that implements Anthropic's messages. */
export class AnthropicProvider extends Provider {
  readonly #endpoints: ProviderEndpoints<Anthropic>;
  readonly #exchange: AnswerExchange;

  constructor(endpoints: readonly ProviderEndpoint[], timeouts: ProviderTimeouts, clock: Clock) {
    super();
    this.#endpoints = new ProviderEndpoints(endpoints, timeouts.connectMs, clientOf);
    this.#exchange = new AnswerExchange(timeouts, clock);
  }

  override bodyOf(
    request: InferenceRequested,
    candidate: Candidate,
    stream: boolean,
  ): ProviderBody {
    if (request.operation === "embeddings")
      return { ...unsupported("input", "it makes no embeddings") };
    const dialect = this.#endpoints.dialectOf(candidate) ?? plainDialect;
    return { ...messagesBodyOf(request, candidate, stream, dialect) };
  }

  /** Calls through the client's `post`, because its method for messages would read the answer itself. */
  override async call(call: ProviderCall, onParts: OnParts): Promise<ProviderEnd> {
    const client = this.#endpoints.clientFor(call);
    if (!client) return notSent("unreachable");
    const { body } = call;
    if (isUnsupported(body)) return refusedHere(body);
    const send = (limited: LimitedCall) => {
      const { headers, ...options } = clientOptionsOf(limited, body);
      const versioned = { ...headers, ...versionFor(body) };
      return client.post("/v1/messages", { ...options, headers: versioned }).asResponse();
    };
    const model = this.#endpoints.modelOf(call);
    const { promptCache } = this.#endpoints.dialectOf(call) ?? plainDialect;
    const reader = new MessageReader(promptCache?.duration);
    return this.#exchange.chat(call, model, reader, send, onParts);
  }

  override close(): void {
    this.#endpoints.close();
  }
}

/**
 * Returns the header of the version that still takes sampling parameters, if the body has any. Since 2026-10-21 the
 * API refuses them for every model ("Migrating to API version 2026-10-21", platform.claude.com); with the version
 * before, a model that does not take them says so itself.
 */
function versionFor(body: ProviderBody): Readonly<Record<string, string>> {
  const hasSampling = ["temperature", "top_p", "top_k"].some((name) => name in body);
  return hasSampling ? { "anthropic-version": "2023-06-01" } : {};
}

/** Returns the end of a call that is not made, because the API cannot answer the request. Another model may. */
function refusedHere({ unsupported: words, param }: Unsupported): ProviderEnd {
  return {
    kind: "refused",
    code: "request_refused",
    status: null,
    retryAfterMs: null,
    words,
    param,
  };
}

/** The address may end with the version, as other providers' addresses do. */
function clientOf(baseUrl: string, apiKey: string, fetch: ProviderFetch): Anthropic {
  return new Anthropic({
    baseURL: baseUrl.replace(/\/v1\/?$/, ""),
    apiKey,
    authToken: null,
    maxRetries: 0,
    timeout: clientTimeoutMs,
    fetch,
    logLevel: "off",
  });
}
