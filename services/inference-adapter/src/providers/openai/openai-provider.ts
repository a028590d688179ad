import type { Candidate, InferenceRequested } from "@sluice/contracts";
import type { Dialect } from "@sluice/declarations";
import type { Clock } from "@sluice/domain";
import OpenAI from "openai";
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
  notSent,
  type ProviderTimeouts,
} from "../wire/answer-exchange.ts";
import {
  clientTimeoutMs,
  type ProviderEndpoint,
  ProviderEndpoints,
  type ProviderFetch,
  type ServedBy,
} from "../wire/provider-endpoints.ts";
import { CompletionReader } from "./answer/completion-reader.ts";
import { embeddingEndOf } from "./answer/embedding-end.ts";
import { plainDialect } from "./dialect.ts";
import { bodyOf } from "./provider-body.ts";

/** Calls any provider that implements OpenAI's chat completions or embeddings. */
export class OpenAiProvider extends Provider {
  readonly #endpoints: ProviderEndpoints<OpenAI>;
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
    return bodyOf(request, candidate, stream, this.#dialectOf(candidate));
  }

  /**
   * Calls through the client's untyped `post`. Ingress has checked the names of the parameters, and only the provider
   * can judge their values, so the client's own types for a body do not apply.
   */
  override async call(call: ProviderCall, onParts: OnParts): Promise<ProviderEnd> {
    const client = this.#endpoints.clientFor(call);
    if (!client) return notSent("unreachable");
    const model = this.#endpoints.modelOf(call);
    if (call.operation === "embeddings") {
      const requested = { count: call.answers, dimensions: call.body["dimensions"] };
      return this.#exchange.document(
        call,
        model,
        (limited) => client.post("/embeddings", clientOptionsOf(limited, call.body)).asResponse(),
        (document, now) => embeddingEndOf(document, requested, now),
      );
    }
    // Explicit, because a provider may stream by default.
    const body = { ...call.body, stream: call.stream };
    return this.#exchange.chat(
      call,
      model,
      new CompletionReader(this.#dialectOf(call).answerMembers),
      (limited) => client.post("/chat/completions", clientOptionsOf(limited, body)).asResponse(),
      onParts,
    );
  }

  override close(): void {
    this.#endpoints.close();
  }

  #dialectOf(called: ServedBy): Dialect {
    return this.#endpoints.dialectOf(called) ?? plainDialect;
  }
}

function clientOf(baseURL: string, apiKey: string, fetch: ProviderFetch): OpenAI {
  return new OpenAI({
    baseURL,
    apiKey,
    maxRetries: 0,
    timeout: clientTimeoutMs,
    fetch,
    logLevel: "off",
    organization: null,
    project: null,
  });
}
