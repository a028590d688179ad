import type { CacheResult, Completed, InferenceResponded, Tier } from "@sluice/contracts";
import type { TokenUsage } from "@sluice/domain";

/** What became of one request, as its caller saw it. */
export type DemoOutcome =
  | {
      readonly kind: "answered";
      readonly tier: Tier;
      readonly cache: CacheResult;
      /** Of a hit: the tokens of the provider's answer that was served again. */
      readonly usage: TokenUsage;
      /** Provider calls made for it; the ledger charges each of them. */
      readonly attempts: number;
    }
  | { readonly kind: "unanswered"; readonly code: string; readonly attempts: number };

export function demoOutcomeOf({ completed, refused, attempts }: InferenceResponded): DemoOutcome {
  return completed
    ? answeredOf(completed, attempts)
    : { kind: "unanswered", code: refused?.code ?? "internal_error", attempts };
}

function answeredOf({ tier, cache, usage }: Completed, attempts: number): DemoOutcome {
  return { kind: "answered", tier, cache, usage, attempts };
}
