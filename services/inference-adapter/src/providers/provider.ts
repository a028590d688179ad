import type { Answer, Candidate, InferenceRequested, Operation } from "@sluice/contracts";
import type { TraceHeaders } from "@sluice/stage";
import type { LossCode, RefusalCode, UnusableCode } from "../decide/failure.ts";
import type { AnswerPart, ReportedUsage } from "./answer/answer-part.ts";

/** The body of a call, in the form of the provider's API. */
export type ProviderBody = Readonly<Record<string, unknown>>;

export interface ProviderCall {
  /** The declared id of the provider. */
  readonly provider: string;
  /** The name under which the provider serves the model. */
  readonly model: string;
  /** The position of the key in its list, from 0. */
  readonly keyIndex: number;
  /** Sent to the provider, so that its bill can be compared with the ledger. */
  readonly attemptId: string;
  /** Sent to the provider unchanged, so that its spans join the client's trace. */
  readonly trace: TraceHeaders;
  readonly operation: Operation;
  /** What {@link Provider.bodyOf} made for the request. */
  readonly body: ProviderBody;
  /** Whether the answer is streamed; an embedding never is. */
  readonly stream: boolean;
  /** How many answers are requested: `n`, or one embedding for each input. */
  readonly answers: number;
  /** Ends the call immediately. Its reason is {@link deadlinePassed} if there is no time left. */
  readonly signal: AbortSignal;
}

/** Why a call is ended whose deadline has passed. */
export const deadlinePassed = Symbol("the deadline has passed");

export type OnParts = (parts: readonly AnswerPart[]) => void;

/** How a call ended. These are values and not exceptions, because each is metered in another way. */
export type ProviderEnd =
  /** `usage` is null if the provider reported none. */
  | { readonly kind: "answered"; readonly answer: Answer; readonly usage: ReportedUsage | null }
  /** The provider refused the call or was never reached. It bills nothing. */
  | {
      readonly kind: "refused";
      readonly code: RefusalCode;
      readonly status: number | null;
      readonly retryAfterMs: number | null;
      /** The provider's own words about a request that it refused, without secrets; absent if it gave none. */
      readonly words?: string | undefined;
      /** The parameter at fault, if the provider names it and it can be shown. */
      readonly param?: string | undefined;
    }
  /** The response is complete and the call may be billed, but the answer cannot be used. */
  | { readonly kind: "unusable"; readonly code: UnusableCode; readonly usage: ReportedUsage | null }
  /**
   * Only a part of the answer arrived. The provider bills that part, and perhaps more. `usage` is what it had
   * reported until then.
   */
  | {
      readonly kind: "cut";
      readonly code: LossCode;
      readonly answer: Answer;
      readonly usage: ReportedUsage | null;
    }
  /** The request was sent and no answer arrived. It is not known what the provider bills. */
  | { readonly kind: "lost"; readonly code: LossCode };

/**
 * Port: makes one call. An adapter must not retry, because each hidden retry would be an unrecorded
 * payment.
 */
export abstract class Provider {
  /**
   * Returns the body that the provider receives for a request. Pure, so that a request that cannot be sent fails before
   * anything is recorded.
   *
   * @param stream whether to stream the answer; embeddings ignore it
   * @throws PermanentFault `ADAPTER_REQUEST_UNREADABLE`
   */
  abstract bodyOf(request: InferenceRequested, candidate: Candidate, stream: boolean): ProviderBody;

  /**
   * Calls the provider once.
   *
   * @param onParts receives the parts of a streamed answer in order, those that arrived together at once
   */
  abstract call(call: ProviderCall, onParts: OnParts): Promise<ProviderEnd>;

  /** Ends the running calls and closes the connections. */
  abstract close(): void;
}
