import type { PromptCache } from "@sluice/declarations";
import type { ReportedUsage } from "../answer/answer-part.ts";
import { rawUsageOf } from "../answer/raw-usage.ts";

type Members = Readonly<Record<string, unknown>>;

/**
 * Converts Anthropic's usage, whose input classes are disjoint: `input_tokens` contains neither what was read from the
 * prompt cache nor what was written to it. Writes have two classes by how long they are kept. The output contains the
 * thinking (Anthropic's API reference, "Messages", `usage`).
 *
 * @param duration that for which writes were asked, if the provider does not break them down
 * @returns null if the provider reported nothing
 */
export function messageUsageOf(
  wire: object | null,
  duration: PromptCache["duration"] = "5m",
): ReportedUsage | null {
  const read: Members = { ...wire };
  const input = tokens(read["input_tokens"]);
  const output = tokens(read["output_tokens"]);
  if (wire === null || (input === null && output === null)) return null;
  const written = writtenIn(read, duration);
  const { thinking_tokens: thinking } = membersOf(read["output_tokens_details"]);
  const reasoning = atMost(tokens(thinking), output);
  return {
    usage: {
      inputTokens: input,
      cachedInputTokens: tokens(read["cache_read_input_tokens"]),
      cacheWriteTokens: written.minutes,
      cacheWriteHourTokens: written.hour,
      outputTokens: output === null ? null : output - (reasoning ?? 0n),
      reasoningTokens: reasoning,
      otherTokens: {},
    },
    raw: rawUsageOf(wire),
  };
}

/**
 * Returns the written tokens of both classes. Without their breakdown they are those of the longer duration that was asked
 * for, so that they are not charged at too low a rate.
 */
function writtenIn(
  read: Members,
  duration: PromptCache["duration"],
): { readonly minutes: bigint | null; readonly hour: bigint | null } {
  const { ephemeral_5m_input_tokens: five, ephemeral_1h_input_tokens: sixty } = membersOf(
    read["cache_creation"],
  );
  const [minutes, hour] = [tokens(five), tokens(sixty)];
  const whole = tokens(read["cache_creation_input_tokens"]);
  if (whole === null) return { minutes, hour };
  if (minutes === null && hour === null && duration === "1h") return { minutes: 0n, hour: whole };
  return { minutes: whole - (atMost(hour, whole) ?? 0n), hour: atMost(hour, whole) };
}

/**
 * Joins the usage of the events of a stream: the first has the input, and the last repeats a part of it and has the
 * output. The output of the first is only a beginning, and is not read.
 */
export function joinedMessageUsage(before: object | null, more: object | null): object | null {
  if (!before || !more) return more ?? before;
  const earlier: Members = { ...before };
  // Proxies end a stream with zeros for what they do not count.
  const known = Object.entries(more).filter(
    ([name, value]) => value !== null && (value !== 0 || !earlier[name]),
  );
  return { ...before, ...Object.fromEntries(known) };
}

function atMost(value: bigint | null, most: bigint | null): bigint | null {
  return value !== null && most !== null && value > most ? most : value;
}

function tokens(value: unknown): bigint | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
    ? BigInt(value)
    : null;
}

function membersOf(value: unknown): Members {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
