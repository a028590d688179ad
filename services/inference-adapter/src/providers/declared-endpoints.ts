import { createHash } from "node:crypto";
import { type Declarations, perVersion, type Protocol } from "@sluice/declarations";
import type { Clock } from "@sluice/domain";
import { AnthropicProvider } from "./anthropic/anthropic-provider.ts";
import { OpenAiProvider } from "./openai/openai-provider.ts";
import type { Provider } from "./provider.ts";
import { ProvidersByProtocol } from "./providers-by-protocol.ts";
import type { ProviderTimeouts } from "./wire/answer-exchange.ts";
import type { ProviderEndpoint } from "./wire/provider-endpoints.ts";

export interface DeclaredEndpoint extends ProviderEndpoint {
  readonly protocol: Protocol;
}

/**
 * Returns every declared provider with its secrets and its models.
 *
 * @throws DeclarationsInvalid that names a reference without a secret
 */
export function endpointsOf(declarations: Declarations): readonly DeclaredEndpoint[] {
  return declarations.providers().map(({ id, protocol, baseUrl, keyReferences }) => ({
    id,
    protocol,
    baseUrl,
    keys: keyReferences.map((reference) => declarations.secretOf(reference)),
    models: new Map(
      declarations
        .variants()
        .filter(({ provider }) => provider === id)
        .map(({ model, timeToFirstByteMs: beginMs, dialect }) => [model, { beginMs, dialect }]),
    ),
  }));
}

/** Returns a digest that differs for endpoints that need other clients. No secret can be read from it. */
export function fingerprintOf(endpoints: readonly DeclaredEndpoint[]): string {
  const plain = endpoints.map(({ models, ...others }) => ({
    ...others,
    models: [...(models ?? [])],
  }));
  return createHash("sha256").update(JSON.stringify(plain)).digest("hex");
}

/** Returns the adapter that calls the given providers. */
export function providerOf(
  endpoints: readonly DeclaredEndpoint[],
  timeouts: ProviderTimeouts,
  clock: Clock,
): Provider {
  const protocols = new Map(endpoints.map(({ id, protocol }) => [id, protocol]));
  const having = (wanted: Protocol) => endpoints.filter(({ protocol }) => protocol === wanted);
  // Of an unknown provider either adapter says that it is not declared.
  return new ProvidersByProtocol((id) => protocols.get(id) ?? "openai", {
    openai: new OpenAiProvider(having("openai"), timeouts, clock),
    anthropic: new AnthropicProvider(having("anthropic"), timeouts, clock),
  });
}

/** Returns a function that gives the number of keys of a declared provider, and 0 for every other one. */
export function keyCountOf(declarations: Declarations): (provider: string) => number {
  const counts = perVersion(
    declarations,
    () =>
      new Map(declarations.providers().map(({ id, keyReferences }) => [id, keyReferences.length])),
  );
  return (provider) => counts().get(provider) ?? 0;
}
