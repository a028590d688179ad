import type { Dialect } from "@sluice/declarations";
import type { Conversation } from "./conversation.ts";
import type { MessagesBody } from "./messages-api.ts";

interface ThinkingSettings {
  /** Whether the request says that a tool must be called. */
  readonly forcesTool: boolean;
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

/** The least budget may take this share of a small limit, so that there is room for an answer. */
const budgetShareForLeast = 0.8;

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
  { outputLimit, by, conversation, sampling, forcesTool }: ThinkingSettings,
): Pick<MessagesBody, "thinking" | "output_config"> {
  if (effort === null || effort === undefined) return {};
  // Models that decide themselves think by default.
  if (effort === "none") return by === "effort" ? { thinking: { type: "disabled" } } : {};
  // Both are refused together. An answer without thought is better than none.
  if (forcesTool || conversation.continuesAnswer) return {};
  if (by === "effort") {
    const named = efforts.get(effort);
    if (named === undefined) return {};
    const config = { ...sampling.output_config, effort: named };
    return { thinking: { type: "adaptive", display: "summarized" }, output_config: config };
  }
  const share = budgetShares.get(effort) ?? 0;
  const most = Math.max(share, budgetShareForLeast) * outputLimit;
  const budget = Math.floor(Math.min(Math.max(outputLimit * share, budgetMin), most));
  // A tool call is continued with the thinking that led to it. Without it, the API refuses to think on.
  if (budget < budgetMin || conversation.continuesWithoutThinking) return {};
  return { thinking: { type: "enabled", budget_tokens: budget } };
}
