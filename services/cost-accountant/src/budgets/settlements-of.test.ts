import { expect, test } from "vitest";
import type { CostMetered } from "@sluice/contracts";
import { chargeIdOf } from "@sluice/domain";
import { book, calledAt, meteredOf, usageOf, windowOf } from "../../test/fixtures.ts";
import { foldSlice } from "../charge/fold-slice.ts";
import type { ChargeNumber } from "../ledger/ledger-entry.ts";
import { InMemoryLedger } from "../ledger/in-memory-ledger.ts";
import { settlementsOf } from "./settlements-of.ts";

const windows = [windowOf()];
const place = {
  topic: "cost.metered",
  nextOffset: 1n,
  attemptIds: ["attempt", "new", "hit", "free"],
};

async function settled(ledger: InMemoryLedger, slice: readonly CostMetered[], partition = 3) {
  const { outcome, numbers } = await ledger.fold({ ...place, partition }, (recorded) =>
    foldSlice(slice, recorded, book, calledAt),
  );
  return settlementsOf(outcome.verdicts, numbers);
}

test("each charge is settled under its number with its signed amount, and its repeat as known after it", async () => {
  const usage = usageOf({ inputTokens: 900n });
  const estimated = meteredOf({ windows, kind: "estimated", usage });
  const reported = meteredOf({ windows });
  const common = { tenant: "demo", attemptId: "attempt", windows, partition: 3 };
  const first = { ...common, sequence: 1n, amountNanoUsd: 900_000n };
  const second = { ...common, sequence: 2n, amountNanoUsd: -760_000n };
  const slice = [estimated, reported, reported, estimated, reported];
  expect(await settled(new InMemoryLedger(), slice)).toEqual([
    { ...first, isNew: true },
    { ...first, isNew: false },
    { ...second, isNew: true },
    { ...second, isNew: false },
    { ...second, isNew: false },
  ]);
});

test("a charge that the ledger has is settled under the number that it has, before new ones", async () => {
  const ledger = new InMemoryLedger();
  await settled(ledger, [meteredOf({ windows })]);
  const slice = [meteredOf({ windows, attemptId: "new" }), meteredOf({ windows })];
  const settlements = await settled(ledger, slice);
  expect(settlements.map(({ sequence, isNew }) => [sequence, isNew])).toEqual([
    [1n, false],
    [2n, true],
  ]);
});

test("a charge that is known from another partition is settled there", async () => {
  const ledger = new InMemoryLedger();
  await settled(ledger, [meteredOf({ windows })], 5);
  expect(await settled(ledger, [meteredOf({ windows })], 3)).toMatchObject([
    { partition: 5, sequence: 1n, isNew: false },
  ]);
});

test("a report without cost is settled, so that its reservation ends", async () => {
  const free = meteredOf({ windows, usage: usageOf({ inputTokens: 0n, outputTokens: 0n }) });
  expect(await settled(new InMemoryLedger(), [free])).toMatchObject([{ amountNanoUsd: 0n }]);
});

test("savings, charges without windows and dead letters are not settled", async () => {
  const slice = [
    meteredOf({ attemptId: "hit", attemptNumber: 0, kind: "saving", windows }),
    meteredOf({ attemptId: "free" }),
    meteredOf({ attemptId: "new", variant: "unheard-of", windows }),
  ];
  expect(await settled(new InMemoryLedger(), slice)).toEqual([]);
});

test("a charge from before the numbers is not settled", () => {
  const { verdicts } = foldSlice([meteredOf({ windows })], new Map(), book, calledAt);
  const none = new Map<string, ChargeNumber>();
  expect(settlementsOf(verdicts, none)).toEqual([]);
  const number = { partition: 0, sequence: 1n };
  const known = new Map([[chargeIdOf("attempt", "reported"), number]]);
  expect(settlementsOf(verdicts, known)).toMatchObject([number]);
});
