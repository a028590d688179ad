import type { Dialect } from "@sluice/declarations";
import type { Conversation } from "./conversation.ts";
import type { MessagesBody } from "./messages-api.ts";

interface ThinkingSettings {
  /** The tokens of thinking and answer together. */
  readonly outputLimit: number;
  readonly by: Dialect["thinking"];
  readonly conversation: Conversation;
  readonly sampling: Pick<MessagesBody, "output_config">;
}

/** The least budget that Anthropic accepts. It must also be less than the output limit. */
const budgetMin = 1_024;

/**
 * The share of the output limit that a model may think with, by the client's effort. The shares are those that
 * OpenRouter documents (openrouter.ai/docs, "Reasoning Tokens"), which also offers one effort for all models.
 */
const budgetShares: ReadonlyMap<unknown, number> = new Map([
  ["minimal", 0.1],
  ["low", 0.2],
  ["medium", 0.5],
  ["high", 0.8],
  ["xhigh", 0.95],
  ["max", 0.95],
]);

const efforts: ReadonlyMap<unknown, "low" | "medium" | "high" | "xhigh" | "max"> = new Map([
  ["minimal", "low"],
  ["low", "low"],
  ["medium", "medium"],
  ["high", "high"],
  ["xhigh", "xhigh"],
  ["max", "max"],
]);

/** Returns the members that let the model think as hard as the client asked; none if it did not ask. */
export function thinkingOf(
  { reasoning_effort: effort }: Readonly<Record<string, unknown>>,
  { outputLimit, by, conversation, sampling }: ThinkingSettings,
): Pick<MessagesBody, "thinking" | "output_config"> {
  if (effort === null || effort === undefined || effort === "none") return {};
  if (by === "effort") {
    const named = efforts.get(effort);
    if (named === undefined) return {};
    const config = { ...sampling.output_config, effort: named };
    return { thinking: { type: "adaptive" }, output_config: config };
  }
  const wanted = Math.floor(outputLimit * (budgetShares.get(effort) ?? 0));
  const budget = Math.min(Math.max(wanted, budgetMin), outputLimit - 1);
  // A tool call is continued with the thinking that led to it. Without it, the API refuses to think on.
  if (budget < budgetMin || conversation.continuesWithoutThinking) return {};
  return { thinking: { type: "enabled", budget_tokens: budget } };
}
