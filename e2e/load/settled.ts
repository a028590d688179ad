import type { CostCharged, InferenceAdmitted, InferenceResponded } from "@sluice/contracts";
import {
  billBreaches,
  chargeBreaches,
  fetchBill,
  outcomeBreaches,
  type TopicReader,
} from "@sluice/testing";
import { expect } from "vitest";

/** What the invariants are read from. */
export interface SettlingReaders {
  readonly admitted: TopicReader<InferenceAdmitted>;
  readonly responded: TopicReader<InferenceResponded>;
  readonly charged: TopicReader<CostCharged>;
  /** Base address; its bill is the oracle. */
  readonly simulator: string;
}

/** Waits until every admitted request has its one outcome and the ledger equals the bill; fails with the breaches. */
export async function untilSettled(
  { admitted, responded, charged, simulator }: SettlingReaders,
  limitMs: number,
): Promise<void> {
  await expect
    .poll(() => outcomeBreaches(admitted.records, responded.records), {
      timeout: limitMs,
      interval: 500,
    })
    .toEqual([]);
  await expect
    .poll(async () => billBreaches(charged.records, await fetchBill(simulator)), {
      timeout: limitMs,
      interval: 1_000,
    })
    .toEqual([]);
  expect(chargeBreaches(charged.records)).toEqual([]);
}
