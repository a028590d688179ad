import { TransientFault } from "@sluice/domain";
import { setTimeout as sleep } from "node:timers/promises";

const firstWaitMs = 50;
const waitMsMax = 1_000;

/**
 * Repeats an idempotent write until the store has it: what a provider was paid
 * for must not be lost to an outage. Gives up only when `signal` aborts.
 *
 * @throws the last fault after an abort, and whatever is no outage
 */
export async function persistently<T>(write: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, waitMsMax)) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof TransientFault) || signal.aborted) throw error;
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
