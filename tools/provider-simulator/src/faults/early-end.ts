import type { BillReason } from "../bill/bill-journal.ts";
import type { ModelInterface } from "../models.ts";
import { errorEvent } from "./error-in-answer.ts";
import type { Fault } from "./faults.ts";

/** The end of a stream before its answer is complete. */
export interface EarlyEnd {
  readonly afterTokens: number;
  /** The last event; null if the connection is cut instead. */
  readonly closing: string | null;
  readonly reason: BillReason;
}

/**
 * Returns how a fault ends a stream, or undefined if the stream is complete.
 *
 * @param tokens the tokens of the whole stream, of which half are sent if the fault has no setting
 */
export function earlyEndOf(
  fault: Fault | undefined,
  called: ModelInterface,
  tokens: number,
): EarlyEnd | undefined {
  const afterTokens = fault?.afterTokens ?? Math.ceil(tokens / 2);
  if (fault?.kind === "error-after")
    return { afterTokens, closing: errorEvent(called), reason: "error-after" };
  const isCut =
    fault?.kind === "cut-stream" ||
    (fault?.kind === "usage-each-chunk" && fault.afterTokens !== null);
  return isCut ? { afterTokens, closing: null, reason: "cut-stream" } : undefined;
}
