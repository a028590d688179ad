import type { ReportedUsage } from "../answer/answer-part.ts";
import { rawUsageOf } from "../answer/raw-usage.ts";

type Members = Readonly<Record<string, unknown>>;

/**
 * Converts Anthropic's usage, whose input classes are disjoint: `input_tokens` contains neither what was read from the
 * prompt cache nor what was written to it. Writes have two classes by how long they are kept. The output contains the
 * thinking (Anthropic's API reference, "Messages", `usage`).
 *
 * @returns null if the provider reported nothing
 */
export function messageUsageOf(wire: object | null): ReportedUsage | null {
  const read: Members = { ...wire };
  const input = tokens(read["input_tokens"]);
  const output = tokens(read["output_tokens"]);
  if (wire === null || (input === null && output === null)) return null;
  const written = writtenIn(read);
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

/** Returns the written tokens of both classes. Without their breakdown, all were written for five minutes, the default. */
function writtenIn(read: Members): {
  readonly minutes: bigint | null;
  readonly hour: bigint | null;
} {
  const { ephemeral_5m_input_tokens: five, ephemeral_1h_input_tokens: sixty } = membersOf(
    read["cache_creation"],
  );
  const hour = tokens(sixty);
  const whole = tokens(read["cache_creation_input_tokens"]);
  if (whole === null) return { minutes: tokens(five), hour };
  return { minutes: whole - (atMost(hour, whole) ?? 0n), hour: atMost(hour, whole) };
}

/**
 * Joins the usage of the events of a stream: the first has the input, and the last repeats a part of it and has the
 * output. The output of the first is only a beginning, and is not read.
 */
export function joinedMessageUsage(before: object | null, more: object | null): object | null {
  const known = Object.entries(more ?? {}).filter(([, value]) => value !== null);
  return before && more ? { ...before, ...Object.fromEntries(known) } : (more ?? before);
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
