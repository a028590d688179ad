import type { CostCharged, InferenceAdmitted, InferenceResponded } from "@sluice/contracts";
import {
  billBreaches,
  chargeBreaches,
  fetchBill,
  outcomeBreaches,
  type SimulatorAccess,
  type TopicReader,
} from "@sluice/testing";
import { expect } from "vitest";

/** The data from which the invariants are checked. */
export interface SettlingReaders {
  readonly admitted: TopicReader<InferenceAdmitted>;
  readonly responded: TopicReader<InferenceResponded>;
  readonly charged: TopicReader<CostCharged>;
  /** Its bill is the expected result. */
  readonly simulator: SimulatorAccess;
}

/** Waits until every admitted request has one outcome and the ledger equals the bill. Fails with the breaches. */
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
