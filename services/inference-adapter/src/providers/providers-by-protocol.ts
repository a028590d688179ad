import type { Candidate, InferenceRequested } from "@sluice/contracts";
import type { Protocol } from "@sluice/declarations";
import {
  type OnParts,
  Provider,
  type ProviderBody,
  type ProviderCall,
  type ProviderEnd,
} from "./provider.ts";

/** Passes each call to the adapter of its provider's protocol. */
export class ProvidersByProtocol extends Provider {
  readonly #protocolOf: (provider: string) => Protocol;
  readonly #adapters: Readonly<Record<Protocol, Provider>>;

  constructor(
    protocolOf: (provider: string) => Protocol,
    adapters: Readonly<Record<Protocol, Provider>>,
  ) {
    super();
    this.#protocolOf = protocolOf;
    this.#adapters = adapters;
  }

  override bodyOf(
    request: InferenceRequested,
    candidate: Candidate,
    stream: boolean,
  ): ProviderBody {
    return this.#adapterOf(candidate).bodyOf(request, candidate, stream);
  }

  override call(call: ProviderCall, onParts: OnParts): Promise<ProviderEnd> {
    return this.#adapterOf(call).call(call, onParts);
  }

  override close(): void {
    for (const adapter of Object.values(this.#adapters)) adapter.close();
  }

  #adapterOf({ provider }: { readonly provider: string }): Provider {
    return this.#adapters[this.#protocolOf(provider)];
  }
}
