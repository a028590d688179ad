import type { Answer, Operation } from "@sluice/contracts";
import type { ChunkChoices } from "@sluice/request-state";
import type { TraceHeaders } from "@sluice/stage";
import type { LossCode, RefusalCode, UnusableCode } from "../decide/failure.ts";
import type { ReportedUsage } from "./openai/usage.ts";

/** The body of a call, by the names of OpenAI's API. */
export type ProviderBody = Readonly<Record<string, unknown>>;

export interface ProviderCall {
  /** Id of the provider, as declared. */
  readonly provider: string;
  /** Which of its keys, from 0. */
  readonly keyIndex: number;
  /** Told to the provider, so that its bill can be held against ours. */
  readonly attemptId: string;
  /** Told to the provider as it is, so that its spans join the caller's trace. */
  readonly trace: TraceHeaders;
  readonly operation: Operation;
  readonly body: ProviderBody;
  /** How many answers were asked for: n, or an embedding per input. */
  readonly answers: number;
  /** Ends the call at once. */
  readonly signal: AbortSignal;
}

export interface Chunk {
  readonly systemFingerprint: string | null;
  readonly choices: ChunkChoices;
  /** Whether it holds more than who speaks. */
  readonly hasSubstance: boolean;
}

/** How a call ended. Never an exception: each of these is metered in another way. */
export type ProviderEnd =
  /** `usage` is null where the provider reported none. */
  | { readonly kind: "answered"; readonly answer: Answer; readonly usage: ReportedUsage | null }
  /** It said no, or was never reached. It bills nothing. */
  | {
      readonly kind: "refused";
      readonly code: RefusalCode;
      readonly status: number | null;
      readonly retryAfterMs: number | null;
    }
  /** It answered and is to be paid, and what it answered is of no use. */
  | { readonly kind: "unusable"; readonly code: UnusableCode; readonly usage: ReportedUsage | null }
  /** Some of the answer was seen; it is billed for that, and perhaps for more. */
  | { readonly kind: "cut"; readonly code: LossCode; readonly answer: Answer }
  /** The request was sent and nothing was seen: nobody knows what it bills. */
  | { readonly kind: "lost"; readonly code: LossCode };

/** Port: makes one call, once. No retries behind our back: each would be an unrecorded payment. */
export abstract class Provider {
  /** @param onChunk called for each chunk of a streamed answer (`body.stream`), in order. */
  abstract call(call: ProviderCall, onChunk: (chunk: Chunk) => void): Promise<ProviderEnd>;

  /** Ends the calls that run, and lets the connections go. */
  abstract close(): void;
}
