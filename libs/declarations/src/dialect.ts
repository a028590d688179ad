import type { Dialect, PromptCache, Protocol } from "./declarations.ts";
import { presetOf } from "./presets.ts";
import type { DeclaredModel, DeclaredProvider } from "./schema.ts";

/** OpenAI's API, as most servers that imitate it understand it. */
export const plainDialect: Dialect = {
  outputLimitParameter: null,
  streamOptions: true,
  embeddingEncoding: "base64",
  reasoningInHistory: true,
  requestMembers: [],
  answerMembers: [],
  promptCache: null,
  thinking: "budget",
};

/**
 * The least length that Claude Sonnet 5 caches, and the shorter of the two durations. Source: "Prompt caching",
 * https://platform.claude.com/docs/en/build-with-claude/prompt-caching.
 */
const defaultPromptCache: PromptCache = { minTokens: 1_024, duration: "5m" };

export function protocolOf({
  preset,
  protocol,
}: Pick<DeclaredProvider, "preset" | "protocol">): Protocol {
  return protocol ?? presetOf(preset)?.protocol ?? "openai";
}

/** Returns the dialect of a model: its own members, then those of its provider, then those of the preset. */
export function dialectOf(model: DeclaredModel, provider: DeclaredProvider | undefined): Dialect {
  const { streamOptions, embeddingEncoding } = provider ?? {};
  return {
    ...plainDialect,
    ...presetOf(provider?.preset)?.dialect,
    ...given({ streamOptions, embeddingEncoding }),
    ...sharedMembersOf(provider),
    ...sharedMembersOf(model),
    promptCache: promptCacheOf(model, provider),
  };
}

/**
 * Claude 3.5 needs 16 to 30 % more tokens for English, mathematics and Python than GPT-4o ("Hidden costs in AI deployment",
 * 2025), and Claude since Opus 4.7 up to 35 % more than before ("What's new in Claude Opus 4.7", platform.claude.com).
 */
const tokenMargins: Readonly<Record<Protocol, number>> = { openai: 15, anthropic: 80 };

/** Returns by how many percent more tokens the tokeniser of a model may need than the vocabularies of OpenAI. */
export function tokenMarginOf(
  model: DeclaredModel,
  provider: DeclaredProvider | undefined,
): number {
  const usual = tokenMargins[provider ? protocolOf(provider) : "openai"];
  return model.tokenMarginPercent ?? provider?.tokenMarginPercent ?? usual;
}

/** Returns the members that both a provider and a model can declare. */
function sharedMembersOf(declared: DeclaredModel | DeclaredProvider | undefined): Partial<Dialect> {
  if (declared === undefined) return {};
  const { outputLimitParameter, reasoningInHistory, requestMembers, answerMembers, thinking } =
    declared;
  return given({
    outputLimitParameter,
    reasoningInHistory,
    requestMembers,
    answerMembers,
    thinking,
  });
}

/** A price list with one rate for cache writes fits one duration, so a model may need another than its provider. */
function promptCacheOf(
  { promptCache: own }: DeclaredModel,
  provider: DeclaredProvider | undefined,
): PromptCache | null {
  if (provider === undefined || protocolOf(provider) !== "anthropic") return null;
  const { enabled = true, ...cache } = {
    ...defaultPromptCache,
    ...given(provider.promptCache ?? {}),
    ...given(own ?? {}),
  };
  return enabled ? cache : null;
}

type Given<T> = { readonly [Name in keyof T]?: Exclude<T[Name], undefined> };

function given<T extends object>(members: T): Given<T> {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the entries are those of the object
  return Object.fromEntries(entries) as Given<T>;
}
