import type { Candidate, InferenceRequested } from "@sluice/contracts";
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
  type ClientOptions,
  clientOptionsOf,
  notSent,
  type ProviderTimeouts,
} from "../wire/answer-exchange.ts";
import { type ProviderEndpoint, ProviderEndpoints } from "../wire/provider-endpoints.ts";
import { CohereReader } from "./cohere-reader.fixture.ts";

/** Sends a call. A vendor's own client does the same, with its retries switched off. */
type Post = (options: ClientOptions) => Promise<Response>;

/** Calls Cohere's chat. It shows which parts of an adapter belong to its protocol: a body, a client, and a reader. */
export class CohereProvider extends Provider {
  readonly #endpoints: ProviderEndpoints<Post>;
  readonly #exchange: AnswerExchange;

  constructor(endpoints: readonly ProviderEndpoint[], timeouts: ProviderTimeouts, clock: Clock) {
    super();
    this.#exchange = new AnswerExchange(timeouts, clock);
    this.#endpoints = new ProviderEndpoints(
      endpoints,
      timeouts.connectMs,
      (baseUrl, key, fetch): Post =>
        ({ body, headers, signal, fetchOptions }) =>
          fetch(`${baseUrl}/v2/chat`, {
            ...fetchOptions,
            method: "POST",
            body: JSON.stringify(body),
            headers: {
              ...headers,
              authorization: `Bearer ${key}`,
              "content-type": "application/json",
            },
            signal,
          }),
    );
  }

  override bodyOf(
    request: InferenceRequested,
    { model, outputLimit }: Candidate,
    stream: boolean,
  ): ProviderBody {
    const messages = request.messages.map(({ role, content }) => ({ role, content }));
    return { model, messages, max_tokens: Number(outputLimit), stream };
  }

  override async call(call: ProviderCall, onParts: OnParts): Promise<ProviderEnd> {
    const post = this.#endpoints.clientFor(call);
    if (!post) return notSent("unreachable");
    return this.#exchange.chat(
      call,
      this.#endpoints.modelOf(call),
      new CohereReader(),
      (limited) => post(clientOptionsOf(limited, call.body)),
      onParts,
    );
  }

  override close(): void {
    this.#endpoints.close();
  }
}
