import { reportedUsageOf, type BilledUsage, type ReportedUsage } from "../bill/usage.ts";
import type { FaultKind } from "../faults/fault-kinds.ts";
import type { Fault } from "../faults/faults.ts";

/** The form of completions. Providers with OpenAI's interface deviate from it in these properties. */
export interface WireForm {
  /** `finish_reason` in the chunks before the last of a choice. */
  readonly openFinishReason: null | "";
  /** Whether the last chunk or the answer in one piece has a `finish_reason`. */
  readonly finishes: boolean;
  /** Whether the content is a list of a thought and a text, as with Mistral's models that reason. */
  readonly listsContent: boolean;
  /** Whether each chunk has the usage until then, whatever the request asked for. */
  readonly reportsEachChunk: boolean;
  /** Whether the reasoning is in `total_tokens` only, and not in `completion_tokens`. */
  readonly totalsOnly: boolean;
}

const openAi: WireForm = {
  openFinishReason: null,
  finishes: true,
  listsContent: false,
  reportsEachChunk: false,
  totalsOnly: false,
};

const deviations: Partial<Record<FaultKind, Partial<WireForm>>> = {
  "empty-finish-reason": { openFinishReason: "" },
  "no-finish-reason": { finishes: false },
  "list-content": { listsContent: true },
  "usage-each-chunk": { reportsEachChunk: true },
  "total-only": { totalsOnly: true },
};

/** Returns the form in which a call with this fault is answered. */
export function wireFormOf(fault: Fault | undefined): WireForm {
  return { ...openAi, ...(fault && deviations[fault.kind]) };
}

/** Returns a usage as a provider of this form reports it. */
export function reportedIn({ totalsOnly }: WireForm, usage: BilledUsage): ReportedUsage {
  const reported = reportedUsageOf(usage);
  if (!totalsOnly) return reported;
  const { completion_tokens_details: _, ...rest } = reported;
  return { ...rest, completion_tokens: usage.outputTokens };
}
