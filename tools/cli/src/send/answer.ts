import type { NanoUsd } from "@sluice/domain";

/** How a request ended, as its sender saw it. */
export type Answer =
  | {
      readonly kind: "answered";
      readonly requestId: string | null;
      readonly cache: string | null;
      readonly tier: string | null;
      readonly model: string | null;
      /** Provisional, as the edge says it; null where it says none. */
      readonly costNanoUsd: NanoUsd | null;
      readonly latencyMs: number;
      /** OpenAI's `chat.completion`; null where the answer was streamed. */
      readonly response: unknown;
      /** Text of the first choice. */
      readonly text: string;
    }
  | {
      /** declined: this request will not be answered as it is; failed: it could have been. */
      readonly kind: "declined" | "failed";
      /** HTTP status; null when no answer came. */
      readonly status: number | null;
      readonly code: string;
      readonly message: string;
      readonly latencyMs: number;
    };

/** 429 and 503 are said before anything was decided; they are failures once patience has ended. Pure. */
export function kindOfStatus(status: number): "declined" | "failed" {
  return status >= 400 && status < 500 && status !== 429 && status !== 499 ? "declined" : "failed";
}
