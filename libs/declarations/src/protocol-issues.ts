import type { Protocol } from "./declarations.ts";
import { type Issue, listIn, memberOf, type Path } from "./given-values.ts";
import { type Preset, presetNames, presetOf } from "./presets.ts";

/** Members that have no effect under a protocol, so that an operator who declares one expects something else. */
const withoutEffect: Readonly<Record<Protocol, readonly string[]>> = {
  openai: ["promptCache", "thinking"],
  anthropic: ["outputLimitParameter", "streamOptions", "embeddingEncoding", "answerMembers"],
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
    ...pricesWithoutWrites(model, writesOf(model, provider), path),
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

/** A class of cache writes that the prices of a model must have, and why. */
interface CacheWrites {
  readonly rate: "cacheWrite" | "cacheWriteHour";
  readonly because: string;
}

/** Without a rate of its own, a write would be charged at a lower one, and the ledger would show less than the bill. */
function pricesWithoutWrites(
  model: unknown,
  writes: readonly CacheWrites[],
  path: Path,
): readonly Issue[] {
  return listIn(model, "prices").flatMap((price, index) =>
    writes.flatMap(({ rate, because }) =>
      issueIf(
        memberOf(price, rate) === undefined,
        [...path, "prices", index, rate],
        `${because}: declare ${rate}, or promptCache: { enabled: false }`,
      ),
    ),
  );
}

/** Turns are always cached for five minutes; what conversations share, for the declared duration. */
function writesOf(model: unknown, provider: unknown): readonly CacheWrites[] {
  if (promptCacheIn("enabled", model, provider) === false) return [];
  const isHour = promptCacheIn("duration", model, provider) === "1h";
  return [
    {
      rate: "cacheWrite",
      because: "prompts are cached, and a cache write costs more than input",
    },
    ...(isHour
      ? [
          {
            rate: "cacheWriteHour",
            because: "prompts are cached for an hour, which costs more than for five minutes",
          } as const,
        ]
      : []),
  ];
}

function promptCacheIn(name: string, model: unknown, provider: unknown): unknown {
  const [own, ofProvider] = [model, provider].map((each) =>
    memberOf(memberOf(each, "promptCache"), name),
  );
  return own ?? ofProvider;
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
