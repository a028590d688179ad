import { emptied, type Answer } from "../answers/answer.ts";
import type { BilledUsage } from "../bill/usage.ts";
import type { Fault } from "../faults/faults.ts";

/** Returns the answers that a provider with this fault gives. They are billed as they are. */
export function answersWith(
  fault: Fault | undefined,
  answers: readonly Answer[],
): readonly Answer[] {
  if (fault?.kind === "no-choices") return [];
  if (fault?.kind === "ignores-n") return answers.slice(0, 1);
  return fault?.kind === "empty-answer" ? answers.map(emptied) : answers;
}

/** Returns the usage with which a provider with this fault bills: half of the uncached input is written to its cache. */
export function usageWith(fault: Fault | undefined, usage: BilledUsage): BilledUsage {
  if (fault?.kind !== "cache-writes") return usage;
  const written = Math.floor(usage.inputTokens / 2);
  return { ...usage, inputTokens: usage.inputTokens - written, cacheWriteTokens: written };
}
