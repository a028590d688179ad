import type { ReportedUsage } from "../../answer/answer-part.ts";
import { rawUsageOf } from "../../answer/raw-usage.ts";

/** A provider's usage object. Providers add members and leave members out. */
type WireUsage = Readonly<Record<string, unknown>>;

/**
 * Converts a provider's usage so that each token is in one class. OpenAI counts cached, written and audio input
 * within the prompt, and reasoning and audio within the completion. Other providers count some of these parts in
 * addition. The total decides: of all readings whose parts fit into their wholes, the one that adds up to the total
 * is taken, and of several the one that follows the names. Without such a total, Anthropic's caches are in addition,
 * and so are parts that are larger than their whole. Tokens that are only in the total are output, because some
 * providers report their reasoning nowhere else. No class is below zero, whatever was reported.
 *
 * Perplexity bills the reasoning and the citations of its deep research in addition to the prompt and the completion,
 * and its total contains neither. The citations have the rate of input.
 *
 * @returns null if the provider reported nothing
 */
export function reportedUsageOf(wire: object | null | undefined): ReportedUsage | null {
  if (!wire) return null;
  const read: WireUsage = { ...wire };
  const total = tokens(read["total_tokens"]);
  const inputs = inputsOf(read);
  const outputs = outputsOf(read);
  if (inputs.whole === null && outputs.whole === null) return null;
  const whole = inputs.whole ?? difference(total, outputs.whole);
  const prompt: Side = { whole, parts: [inputs.cached, inputs.written, inputs.audio] };
  const completion: Side = {
    whole:
      outputs.whole ?? difference(total, withAdditions(prompt, new Set(likelyAdditions(prompt)))),
    parts: outputs.isApart ? [outputs.audio] : [outputs.reasoning, outputs.audio],
  };
  const added = additionsOf(completion, prompt, total);
  const inputTokens = rest(prompt, added);
  const outputTokens = rest(completion, added);
  const explained = explainedBy(completion, prompt, added);
  const onlyInTotal =
    total !== null && explained !== null && total > explained ? total - explained : 0n;
  const written = inputs.written.tokens;
  return {
    usage: {
      inputTokens: inputTokens === null ? null : inputTokens + citationsOf(read),
      cachedInputTokens: inputs.cached.tokens,
      cacheWriteTokens: written === null ? null : written - (inputs.writtenHour ?? 0n),
      cacheWriteHourTokens: inputs.writtenHour,
      outputTokens: outputTokens === null ? null : outputTokens + onlyInTotal,
      reasoningTokens: outputs.reasoning.tokens,
      otherTokens: {
        ...(countOf(inputs.audio) > 0n && { audioInputTokens: countOf(inputs.audio) }),
        ...(countOf(outputs.audio) > 0n && { audioOutputTokens: countOf(outputs.audio) }),
      },
    },
    raw: rawUsageOf(wire),
  };
}

/** The names of OpenAI's two APIs; the latter is Anthropic's name too. */
const promptNames = ["prompt_tokens", "input_tokens"];
const completionNames = ["completion_tokens", "output_tokens"];

/** A class of tokens within a prompt or a completion, or in addition to it. */
interface Part {
  readonly tokens: bigint | null;
  /** Whether its name says that it is counted in addition. */
  readonly mayAdd: boolean;
}

interface Side {
  /** What the provider reported as the prompt or the completion. */
  readonly whole: bigint | null;
  readonly parts: readonly Part[];
}

/**
 * Reads the input, also with the names of OpenAI's Responses API and of servers that translate Anthropic's. A server
 * that has a count under several names may leave all but one at zero.
 */
function inputsOf(read: WireUsage): {
  readonly whole: bigint | null;
  readonly cached: Part;
  /** For any time. */
  readonly written: Part;
  /** How much of `written` was for an hour, at most all of it; null if the server does not report it. */
  readonly writtenHour: bigint | null;
  readonly audio: Part;
} {
  const details = {
    ...membersOf(read["input_tokens_details"]),
    ...membersOf(read["prompt_token_details"]),
    ...membersOf(read["prompt_tokens_details"]),
  };
  const times = membersOf(read["cache_creation"]);
  const detailTimes = membersOf(details["cache_creation_token_details"]);
  const openAiWhole = tokens(read["prompt_tokens"]);
  const whole = largestOf(read, promptNames);
  // Anthropic's `input_tokens` contains no cached tokens. Details are nested, whatever the whole is called.
  const isAnthropic = whole !== null && whole > (openAiWhole ?? -1n);
  const part = (inDetails: bigint | null, inRead: bigint | null): Part => ({
    tokens: larger(inDetails, inRead),
    mayAdd: isAnthropic && (inRead ?? 0n) > (inDetails ?? 0n),
  });
  return {
    whole,
    cached: part(largestOf(details, cachedNames), largestOf(read, cachedNames)),
    written: part(
      larger(largestOf(details, writtenNames), sumOfTimes(detailTimes)),
      larger(largestOf(read, writtenNames), sumOfTimes(times)),
    ),
    writtenHour: larger(tokens(detailTimes[hourName]), tokens(times[hourName])),
    audio: { tokens: tokens(details["audio_tokens"]), mayAdd: false },
  };
}

/** The names of OpenAI, Moonshot and Together; of Mistral; of DeepSeek; of Anthropic. */
const cachedNames = [
  "cached_tokens",
  "num_cached_tokens",
  "prompt_cache_hit_tokens",
  "cache_read_input_tokens",
];

/** The names of OpenAI and OpenRouter; of LiteLLM; of Anthropic and Alibaba. */
const writtenNames = ["cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens"];

/**
 * The written tokens by the time for which they are cached: Anthropic's names, within `cache_creation` or LiteLLM's
 * `cache_creation_token_details` (`CacheCreation` of @anthropic-ai/sdk).
 */
const minutesName = "ephemeral_5m_input_tokens";
const hourName = "ephemeral_1h_input_tokens";

function sumOfTimes(times: WireUsage): bigint | null {
  const [minutes, hour] = [tokens(times[minutesName]), tokens(times[hourName])];
  return minutes === null && hour === null ? null : (minutes ?? 0n) + (hour ?? 0n);
}

function outputsOf(read: WireUsage): {
  readonly whole: bigint | null;
  readonly reasoning: Part;
  readonly audio: Part;
  /** Whether neither the completion nor the total contains the reasoning. */
  readonly isApart: boolean;
} {
  const details = {
    ...membersOf(read["output_tokens_details"]),
    ...membersOf(read["completion_tokens_details"]),
  };
  const nested = largestOf(details, ["reasoning_tokens", "thinking_tokens"]);
  const reasoning = larger(nested, tokens(read["reasoning_tokens"]));
  const isSearch = "citation_tokens" in read || "num_search_queries" in read;
  return {
    whole: largestOf(read, completionNames),
    reasoning: { tokens: reasoning, mayAdd: false },
    audio: { tokens: tokens(details["audio_tokens"]), mayAdd: false },
    isApart: isSearch && (reasoning ?? 0n) > (nested ?? 0n),
  };
}

/** Returns Perplexity's citations if it states their cost. It bills those of its deep research only. */
function citationsOf(read: WireUsage): bigint {
  const cost = membersOf(read["cost"])["citation_tokens_cost"];
  return typeof cost === "number" && cost > 0 ? (tokens(read["citation_tokens"]) ?? 0n) : 0n;
}

/** Returns the parts that were counted in addition to their wholes. */
function additionsOf(completion: Side, prompt: Side, total: bigint | null): ReadonlySet<Part> {
  const likely = new Set([...likelyAdditions(completion), ...likelyAdditions(prompt)]);
  if (total === null) return likely;
  const parts = [...completion.parts, ...prompt.parts].filter((part) => countOf(part) > 0n);
  const readings = subsetsOf(parts)
    .filter((added) => fits(completion, added) && fits(prompt, added))
    .map((added) => ({
      added,
      unexplained: total - (explainedBy(completion, prompt, added) ?? total),
      unlikely: parts.filter((part) => added.has(part) !== likely.has(part)).length,
    }))
    .filter(({ unexplained }) => unexplained >= 0n)
    .toSorted((left, right) => left.unlikely - right.unlikely);
  const exact = readings.find(({ unexplained }) => unexplained === 0n);
  return (exact ?? readings[0])?.added ?? likely;
}

function likelyAdditions(side: Side): readonly Part[] {
  const named = side.parts.filter(({ mayAdd }) => mayAdd);
  return fits(side, new Set(named)) ? named : side.parts;
}

/** Returns all ways to choose some of at most five parts. */
function subsetsOf(parts: readonly Part[]): readonly ReadonlySet<Part>[] {
  return parts.reduce<readonly ReadonlySet<Part>[]>(
    (subsets, part) => [...subsets, ...subsets.map((subset) => new Set([...subset, part]))],
    [new Set()],
  );
}

/** Returns the tokens of both sides; null if one of them is not known. */
function explainedBy(completion: Side, prompt: Side, added: ReadonlySet<Part>): bigint | null {
  const output = withAdditions(completion, added);
  const input = withAdditions(prompt, added);
  return output === null || input === null ? null : output + input;
}

function withAdditions({ whole, parts }: Side, added: ReadonlySet<Part>): bigint | null {
  return whole === null ? null : whole + sumOf(parts.filter((part) => added.has(part)));
}

function fits(side: Side, added: ReadonlySet<Part>): boolean {
  return side.whole === null || side.whole >= nestedIn(side, added);
}

/** Returns the rest of the whole without the parts that it contains. */
function rest(side: Side, added: ReadonlySet<Part>): bigint | null {
  return side.whole === null ? null : side.whole - nestedIn(side, added);
}

function nestedIn({ parts }: Side, added: ReadonlySet<Part>): bigint {
  return sumOf(parts.filter((part) => !added.has(part)));
}

function sumOf(parts: readonly Part[]): bigint {
  return parts.reduce((sum, part) => sum + countOf(part), 0n);
}

function countOf({ tokens: count }: Part): bigint {
  return count ?? 0n;
}

/** Returns the largest count that one of these names has; null if none has one. */
function largestOf(read: WireUsage, names: readonly string[]): bigint | null {
  return names.reduce<bigint | null>((largest, name) => larger(largest, tokens(read[name])), null);
}

function larger(left: bigint | null, right: bigint | null): bigint | null {
  if (left === null || right === null) return left ?? right;
  return left > right ? left : right;
}

function membersOf(value: unknown): WireUsage {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function difference(total: bigint | null, part: bigint | null): bigint | null {
  return total !== null && part !== null && total > part ? total - part : null;
}

/** Returns a count. Some servers send it as text, or as a number with a decimal point. */
function tokens(value: unknown): bigint | null {
  const count = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof count === "number" && Number.isSafeInteger(count) && count >= 0
    ? BigInt(count)
    : null;
}

/**
 * Merges the usage objects of two chunks of one stream, member by member. A provider that translates Anthropic's events
 * reports the input in the first chunk and the output in the last, and others end with a usage of zeros. Therefore a
 * later member replaces an earlier one, except by nothing or zero. A total that came before the last counts is left
 * out, because it does not contain them.
 *
 * @returns an object that `reportedUsageOf` reads; null if both are null
 */
export function mergedWireUsage(before: object | null, more: object | null): object | null {
  if (!before || !more) return before ?? more;
  const later: WireUsage = { ...more };
  const counts = [...promptNames, ...completionNames].some((name) => Boolean(tokens(later[name])));
  const { total_tokens: total, ...others }: WireUsage = { ...before };
  const known = counts || total === undefined ? others : { ...others, total_tokens: total };
  return mergedMembers(known, later, mergedDetails);
}

function mergedDetails(before: unknown, more: unknown): unknown {
  if (!isObject(before) || !isObject(more)) return more;
  return mergedMembers(before, more, mergedTimes);
}

/** Merges the deepest counts, those of LiteLLM's `cache_creation_token_details`. */
function mergedTimes(before: unknown, more: unknown): unknown {
  if (!isObject(before) || !isObject(more)) return more;
  return mergedMembers(before, more, (_, later) => later);
}

function mergedMembers(
  before: WireUsage,
  more: WireUsage,
  merged: (before: unknown, more: unknown) => unknown,
): WireUsage {
  const changes = Object.entries(more)
    .filter(([name, value]) => isNothing(before[name]) || !isNothing(value))
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => [name, merged(before[name], value)]);
  return { ...before, ...Object.fromEntries(changes) };
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined || value === "" || value === 0 || value === "0";
}

function isObject(value: unknown): value is WireUsage {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
