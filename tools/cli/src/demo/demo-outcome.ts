import type { CacheResult, Completed, InferenceResponded, Tier } from "@sluice/contracts";
import type { TokenUsage } from "@sluice/domain";

/** How one request of the demo ended, as the client saw it. */
export type DemoOutcome =
  | {
      readonly kind: "answered";
      readonly tier: Tier;
      readonly cache: CacheResult;
      /** For a hit, the tokens of the provider's answer that was served again. */
      readonly usage: TokenUsage;
      /** Number of provider calls for the request. The ledger charges each of them. */
      readonly attempts: number;
    }
  | { readonly kind: "unanswered"; readonly code: string; readonly attempts: number };

/** Converts the outcome of a request from `inference.responded`. */
export function demoOutcomeOf({ completed, refused, attempts }: InferenceResponded): DemoOutcome {
  return completed
    ? answeredOf(completed, attempts)
    : { kind: "unanswered", code: refused?.code ?? "internal_error", attempts };
}

function answeredOf({ tier, cache, usage }: Completed, attempts: number): DemoOutcome {
  return { kind: "answered", tier, cache, usage, attempts };
}
