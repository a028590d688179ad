import type { Candidate, InferenceDispatched } from "@sluice/contracts";
import type { TraceHeaders } from "@sluice/stage";

/** Which attempt to make. */
export interface AttemptOrder {
  /**
   * Names this process and the message in the attempt record. A process handles a message once at a time,
   * so it recognises its own claim, whose reply was lost.
   */
  readonly owner: string;
  readonly dispatched: InferenceDispatched;
  readonly number: number;
  readonly candidate: Candidate;
  /** Provider calls made for the request before. */
  readonly callsBefore: number;
  /** Whether further calls may have been made before Redis lost its data. */
  readonly isAfterLoss: boolean;
  /**
   * Whether the request's record was read to place this order. If it was not, the store begins
   * attempt 1 only if nothing but the admission is recorded, see {@link Attempts.begin}.
   */
  readonly record: "unread" | "read";
  /** The trace of the dispatched message, which the provider receives too. */
  readonly trace: TraceHeaders;
  /**
   * Aborts the call when the process ends. What the call has brought by then is recorded, so that another
   * process continues at once.
   */
  readonly stopping: AbortSignal;
}
