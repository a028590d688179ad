import type { CostMetered } from "@sluice/contracts";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { book, calledAt, meteredOf, usageOf } from "../../test/fixtures.ts";
import { foldSlice } from "./fold-slice.ts";
import { InMemoryLedger } from "../ledger/in-memory-ledger.ts";
import { foldInto } from "../../test/fold-into.ts";

const kindsOf = (meterings: readonly CostMetered[]) =>
  foldSlice(meterings, new Map(), book, calledAt).verdicts.map(({ kind }) => kind);

test("an attempt that occurs more than once in a slice is folded as in slices of one", () => {
  const estimated = meteredOf({ kind: "estimated" });
  const reported = meteredOf();
  expect(kindsOf([estimated, reported, estimated, reported])).toEqual([
    "charge",
    "charge",
    "recorded",
    "recorded",
  ]);
  expect(kindsOf([reported, estimated, reported])).toEqual(["charge", "superseded", "recorded"]);
});

test("a dead-lettered metering does not affect its neighbours", () => {
  const unpriced = meteredOf({ attemptId: "other", variant: "unheard-of" });
  expect(kindsOf([unpriced, meteredOf(), unpriced])).toEqual([
    "dead-letter",
    "charge",
    "dead-letter",
  ]);
});

const tokens = fc.bigInt({ min: 0n, max: 100_000n });
/** All meterings of one attempt, in the order of its partition. */
const attempt = (attemptId: string) =>
  fc.record({
    attemptId: fc.constant(attemptId),
    kinds: kindsOfAttempt,
    input: tokens,
    output: tokens,
  });
const kindsOfAttempt = fc.constantFrom(
  ["reported"] as const,
  ["estimated"] as const,
  ["estimated", "reported"] as const,
  ["reported", "estimated"] as const,
  ["saving"] as const,
);
const attempts = fc
  .integer({ min: 1, max: 12 })
  .chain((count) => fc.tuple(...Array.from({ length: count }, (_, i) => attempt(`attempt-${i}`))))
  .map((list) =>
    list.map(({ attemptId, kinds, input, output }, index) =>
      kinds.map((kind, step) =>
        meteredOf({
          attemptId,
          kind,
          variant: index % 2 ? "large" : "small",
          usage: usageOf({ inputTokens: input + BigInt(step), outputTokens: output }),
        }),
      ),
    ),
  );

/**
 * Mixes the meterings of attempts into one list by `choices`. Each attempt keeps its order, and
 * some meterings are repeated.
 */
function deal(
  queues: readonly (readonly CostMetered[])[],
  choices: readonly number[],
): readonly CostMetered[] {
  const taken = queues.map(() => 0);
  const dealt: CostMetered[] = [];
  for (const choice of choices) {
    const which = choice % queues.length;
    const queue = queues[which]!;
    // A choice beyond the end repeats a metering that was delivered before.
    const next = taken[which]! < queue.length ? taken[which]!++ : choice % queue.length;
    dealt.push(queue[next]!);
  }
  for (const [which, queue] of queues.entries()) dealt.push(...queue.slice(taken[which]));
  return dealt;
}

test("the ledger is the same for any order of partitions, any repeats and any slices", async () => {
  const choices = fc.array(fc.nat(1_000), { maxLength: 60 });
  const sliceMax = fc.integer({ min: 1, max: 20 });
  await fc.assert(
    fc.asyncProperty(attempts, choices, sliceMax, async (queues, dealing, size) => {
      const once = new InMemoryLedger();
      await foldInto(once, queues.flat(), 1);
      const shuffled = new InMemoryLedger();
      await foldInto(shuffled, deal(queues, dealing), size);
      expect(await shuffled.replayHash()).toBe(await once.replayHash());
    }),
  );
});

test("in any order, a reported attempt costs its report, and any other attempt its estimate", async () => {
  const order = fc.infiniteStream(fc.nat(1_000));
  await fc.assert(
    fc.asyncProperty(attempts, order, async (queues, keys) => {
      const shuffled = queues
        .flat()
        .map((metered) => ({ metered, at: keys.next().value! }))
        .toSorted((left, right) => left.at - right.at)
        .map(({ metered }) => metered);
      const ledger = new InMemoryLedger();
      await foldInto(ledger, shuffled, 7);
      for (const queue of queues) {
        const { attemptId } = queue[0]!;
        const charges = [...ledger.entries.values()]
          .map(({ charge }) => charge)
          .filter((charge) => charge.attemptId === attemptId);
        const final =
          charges.find(({ kind }) => kind === "reported") ??
          charges.find(({ kind }) => kind === "estimated");
        const spent = charges.reduce((sum, { amountNanoUsd }) => sum + amountNanoUsd, 0n);
        expect(spent).toBe(final?.priceNanoUsd ?? 0n);
      }
    }),
  );
});
