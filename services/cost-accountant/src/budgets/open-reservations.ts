import type { OpenReservation } from "@sluice/budgets";
import type { InferenceAttempted } from "@sluice/contracts";

/** Returns what attempts that are not charged may still cost. Those that no budget selected hold nothing. */
export function openReservationsOf(
  intents: readonly InferenceAttempted[],
): readonly OpenReservation[] {
  return intents
    .filter(({ windows }) => windows.length > 0)
    .map(({ attemptId, worstCaseNanoUsd, windows }) => ({
      attemptId,
      amountNanoUsd: worstCaseNanoUsd,
      windows,
    }));
}
