import type { NanoUsd } from "@sluice/domain";

/** How a request ended, as its client saw it. */
export type Answer =
  | {
      readonly kind: "answered";
      readonly requestId: string | null;
      readonly cache: string | null;
      readonly tier: string | null;
      readonly model: string | null;
      /** The provisional cost from the response; null if the response has none. */
      readonly costNanoUsd: NanoUsd | null;
      readonly latencyMs: number;
      /** OpenAI's `chat.completion`; null if the answer was streamed. */
      readonly response: unknown;
      /** The text of the first choice. */
      readonly text: string;
    }
  | {
      /** declined: Sluice refused the request itself; failed: the same request could succeed later. */
      readonly kind: "declined" | "failed";
      /** The HTTP status; null if there was no response. */
      readonly status: number | null;
      readonly code: string;
      readonly message: string;
      readonly latencyMs: number;
    };

/**
 * Returns whether a request with this status was declined or has failed. Ingress returns 429 and 503
 * before it decides about the request, so they are failures once the retries are used up. Pure.
 */
export function kindOfStatus(status: number): "declined" | "failed" {
  return status >= 400 && status < 500 && status !== 429 && status !== 499 ? "declined" : "failed";
}
