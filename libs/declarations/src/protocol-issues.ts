import type { Protocol } from "./declarations.ts";
import { type Issue, listIn, memberOf, type Path } from "./given-values.ts";
import { type Preset, presetNames, presetOf } from "./presets.ts";

/** Members that have no effect under a protocol, so that an operator who declares one expects something else. */
const withoutEffect: Readonly<Record<Protocol, readonly string[]>> = {
  openai: ["promptCache", "thinking"],
  anthropic: ["outputLimitParameter", "streamOptions", "embeddingEncoding"],
};

/** Members of Anthropic's requests that the adapter sets itself. */
const setForAnthropic: ReadonlySet<unknown> = new Set([
  "system",
  "stop_sequences",
  "thinking",
  "output_config",
  "cache_control",
]);

/** Finds providers without an address, and members that contradict the protocol of a provider. */
export function protocolIssuesIn(given: unknown): readonly Issue[] {
  const providers = listIn(given, "providers");
  const byId = new Map(providers.map((provider) => [memberOf(provider, "id"), provider]));
  return [
    ...providers.flatMap((provider, index) => issuesOfProvider(provider, ["providers", index])),
    ...listIn(given, "models").flatMap((model, index) =>
      issuesOfModel(model, byId.get(memberOf(model, "provider")), ["models", index]),
    ),
  ];
}

function issuesOfProvider(provider: unknown, path: Path): readonly Issue[] {
  const [name, protocol] = [memberOf(provider, "preset"), memberOf(provider, "protocol")];
  const preset = presetNamed(name);
  return [
    ...issueIf(
      name === undefined && memberOf(provider, "baseUrl") === undefined,
      [...path, "baseUrl"],
      `the provider has no address: declare its baseUrl, or a preset (${presetNames.join(", ")})`,
    ),
    ...issueIf(
      preset !== undefined && protocol !== undefined && protocol !== preset.protocol,
      [...path, "protocol"],
      `the preset has the protocol ${preset?.protocol}: remove protocol, or declare the provider without a preset`,
    ),
    ...contradictionsOf(provider, protocolIn(provider), path),
  ];
}

function issuesOfModel(model: unknown, provider: unknown, path: Path): readonly Issue[] {
  const protocol = protocolIn(provider);
  if (protocol !== "anthropic") return contradictionsOf(model, protocol, path);
  return [
    ...contradictionsOf(model, protocol, path),
    ...issueIf(
      memberOf(model, "dimensions") !== undefined,
      [...path, "dimensions"],
      "Anthropic's API does not make embeddings: remove dimensions, or name another provider",
    ),
    ...(isCached(model, provider) ? pricesWithoutWrites(model, path) : []),
  ];
}

function contradictionsOf(
  declared: unknown,
  protocol: Protocol | undefined,
  path: Path,
): readonly Issue[] {
  if (protocol === undefined) return [];
  const owner = protocol === "openai" ? "OpenAI's" : "Anthropic's";
  const requested = protocol === "anthropic" ? listIn(declared, "requestMembers") : [];
  return [
    ...withoutEffect[protocol].flatMap((name) =>
      issueIf(
        memberOf(declared, name) !== undefined,
        [...path, name],
        `${name} has no effect with ${owner} protocol: remove it`,
      ),
    ),
    ...requested.flatMap((name, index) =>
      issueIf(
        setForAnthropic.has(name),
        [...path, "requestMembers", index],
        `"${String(name)}" is a member that Sluice sets in Anthropic's requests: remove it`,
      ),
    ),
  ];
}

/** Without a rate of their own, writes would be charged as input, and the ledger would show less than the bill. */
function pricesWithoutWrites(model: unknown, path: Path): readonly Issue[] {
  return listIn(model, "prices").flatMap((price, index) =>
    issueIf(
      memberOf(price, "cacheWrite") === undefined,
      [...path, "prices", index, "cacheWrite"],
      "prompts are cached, and a cache write costs more than input: declare cacheWrite, or promptCache: { enabled: false }",
    ),
  );
}

function isCached(model: unknown, provider: unknown): boolean {
  const [own, ofProvider] = [model, provider].map((each) =>
    memberOf(memberOf(each, "promptCache"), "enabled"),
  );
  return (own ?? ofProvider) !== false;
}

/** Returns the protocol; undefined if the declaration does not say it, which is an error of its own. */
function protocolIn(provider: unknown): Protocol | undefined {
  if (provider === undefined) return undefined;
  const [name, declared] = [memberOf(provider, "preset"), memberOf(provider, "protocol")];
  if (declared === undefined) return name === undefined ? "openai" : presetNamed(name)?.protocol;
  return declared === "openai" || declared === "anthropic" ? declared : undefined;
}

function presetNamed(name: unknown): Preset | undefined {
  return presetOf(presetNames.find((each) => each === name));
}

function issueIf(isWrong: boolean, path: Path, message: string): readonly Issue[] {
  return isWrong ? [{ path, message }] : [];
}
