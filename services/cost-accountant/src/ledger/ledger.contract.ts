import { beforeEach, describe, expect, test } from "vitest";
import { calledAt, intentOf, meteredOf, usageOf } from "../../test/fixtures.ts";
import { foldInto } from "../../test/fold-into.ts";
import type { Costs, CostsQuery, Ledger } from "./ledger.ts";

const everything: CostsQuery = {
  by: ["tenant"],
  tenant: null,
  since: null,
  until: null,
  rowsMax: 100,
};
const emptyHash = "0".repeat(64);
const demo = meteredOf().attribution;
const unpriced = (attemptId: string) => meteredOf({ attemptId, variant: "unheard-of" });
const spends = ({ rows }: Costs) =>
  rows.map(({ dimensions, sums: { spendNanoUsd } }) => [dimensions, spendNanoUsd]);

/** Declares the tests that every ledger passes. `make` returns an empty ledger. */
export function ledgerContract(name: string, make: () => Promise<Ledger>): void {
  describe(`a ledger (${name})`, () => {
    let ledger: Ledger;
    beforeEach(async () => {
      ledger = await make();
    });
    charges(() => ledger);
    openAttempts(() => ledger);
    sums(() => ledger);
  });
}

function charges(ledger: () => Ledger): void {
  test("a charge is recorded once and returned as it was written", async () => {
    const metered = meteredOf({
      tags: { b: '"quoted", {braces}', a: "ümläut \\ back" },
      usage: usageOf({
        inputTokens: 70_368_744_177n,
        cachedInputTokens: null,
        otherTokens: { "audio-input": 0n },
      }),
    });
    const [first] = await foldInto(ledger(), [metered]);
    const [again] = await foldInto(ledger(), [metered]);
    expect(first).toMatchObject({ kind: "charge" });
    expect(again).toEqual({
      kind: "recorded",
      charge: first?.kind === "charge" ? first.entry.charge : null,
    });
  });

  test.each([null, 0n, 70_368_744_177n])(
    "%s tokens that were cached for an hour are returned as they were written",
    async (cacheWriteHourTokens) => {
      const usage = usageOf({ inputTokens: 1n, cacheWriteHourTokens });
      await foldInto(ledger(), [meteredOf({ usage })]);
      const [again] = await foldInto(ledger(), [meteredOf({ usage })]);
      expect(again).toMatchObject({ kind: "recorded", charge: { usage } });
    },
  );

  test("the replay hash covers tokens that were cached for an hour", async () => {
    await foldInto(ledger(), [
      meteredOf({ attemptId: "a", usage: aAndB }),
      meteredOf({ attemptId: "b", usage: { ...aAndB, cacheWriteHourTokens: null } }),
    ]);
    expect(await ledger().replayHash()).toBe(replayHashOfAAndB);
    await foldInto(ledger(), [
      meteredOf({ attemptId: "c", usage: { ...aAndB, cacheWriteHourTokens: 40n } }),
    ]);
    expect(await ledger().replayHash()).toBe(replayHashWithHours);
  });

  test("repeated meterings change neither the charges nor the sums", async () => {
    const list = [meteredOf({ kind: "estimated" }), meteredOf(), meteredOf({ attemptId: "other" })];
    await foldInto(ledger(), list);
    const before = [await ledger().replayHash(), await ledger().costs(everything)];
    await foldInto(ledger(), [...list, ...list], 2);
    expect([await ledger().replayHash(), await ledger().costs(everything)]).toEqual(before);
  });

  test("the replay hash does not depend on the order, and differs between different ledgers", async () => {
    expect(await ledger().replayHash()).toBe(emptyHash);
    await foldInto(ledger(), [meteredOf({ attemptId: "a" })], 1, 0);
    const one = await ledger().replayHash();
    await foldInto(ledger(), [meteredOf({ attemptId: "b" })], 1, 1);
    expect(one).not.toBe(emptyHash);
    expect(await ledger().replayHash()).toBe(replayHashOfAAndB);
  });

  test("a report in a later slice than its estimate is charged as one signed difference", async () => {
    await foldInto(ledger(), [
      meteredOf({ kind: "estimated", usage: usageOf({ inputTokens: 900n }) }),
    ]);
    const [verdict] = await foldInto(ledger(), [meteredOf()]);
    expect(verdict).toMatchObject({
      entry: { charge: { priceNanoUsd: 140_000n, amountNanoUsd: -760_000n } },
    });
    expect((await ledger().costs(everything)).total).toMatchObject({
      requests: 1n,
      attempts: 1n,
      inputTokens: 100n,
      outputTokens: 10n,
      spendNanoUsd: 140_000n,
    });
  });

  test("a slice without a charge can be folded", async () => {
    const [verdict] = await foldInto(ledger(), [meteredOf({ variant: "unheard-of" })]);
    expect(verdict).toMatchObject({ kind: "dead-letter", code: "PRICE_UNKNOWN" });
    expect(await ledger().replayHash()).toBe(emptyHash);
  });
}

/** A constant, because a change of the canonical form would change every stored replay hash. */
const replayHashOfAAndB = "f6128953d9045725ebc0d10b78438bfaa5c12272ff4a3be4f455af04b591247f";
const replayHashWithHours = "3b77e98758cf053fca5799d50c479812e5acb064251cafdbe8d537d5ff4dd56a";
const aAndB = meteredOf().usage;

function openAttempts(ledger: () => Ledger): void {
  const note = (...attemptIds: string[]) =>
    ledger().noteIntents(
      attemptIds.map((attemptId) => ({ partition: 0, intent: intentOf({ attemptId }) })),
    );
  const late = intentOf().deadlineAt + 1;
  const overdue = async (before = late, partitions = [0]) => {
    const found = await ledger().overdue(partitions, before, 10);
    return found.map(({ intent }) => intent.attemptId).toSorted();
  };

  test("an announced attempt is overdue in its own partition once its deadline has passed", async () => {
    await note("a");
    expect(await overdue()).toEqual(["a"]);
    expect(await overdue(late - 1)).toEqual([]);
    expect(await overdue(late, [1, 2])).toEqual([]);
    expect(await ledger().overdue([0], late, 10)).toEqual([
      { partition: 0, intent: intentOf({ attemptId: "a" }) },
    ]);
  });

  test("an attempt that the next owner announces again has the intent of the next owner", async () => {
    const first = { partition: 0, intent: intentOf({ variant: "small" }) };
    const second = { partition: 0, intent: intentOf({ variant: "large" }) };
    const third = { partition: 0, intent: intentOf({ variant: "medium" }) };
    await ledger().noteIntents([first, second]);
    expect(await ledger().overdue([0], late, 10)).toEqual([second]);
    await ledger().noteIntents([third]);
    expect(await ledger().overdue([0], late, 10)).toEqual([third]);
  });

  test("an attempt is not open after it is metered, in either order of intent and metering", async () => {
    await note("before");
    await foldInto(ledger(), [
      meteredOf({ attemptId: "before" }),
      meteredOf({ attemptId: "after" }),
    ]);
    await note("after", "open");
    await note("before");
    expect(await overdue()).toEqual(["open"]);
    expect(await ledger().stillOpen(["before", "after", "open"])).toEqual(new Set(["open"]));
  });

  test("an attempt whose metering was dead-lettered is not overdue, so it is not estimated", async () => {
    await note("before");
    await foldInto(ledger(), [unpriced("before"), unpriced("after")]);
    await note("after");
    expect(await overdue()).toEqual([]);
  });

  test("the longest overdue attempts are returned first, up to the limit", async () => {
    await ledger().noteIntents(
      [3, 1, 2].map((minute) => ({
        partition: 0,
        intent: intentOf({ attemptId: `m${minute}`, deadlineAt: calledAt + minute * 60_000 }),
      })),
    );
    const found = await ledger().overdue([0], calledAt + 600_000, 2);
    expect(found.map(({ intent }) => intent.attemptId)).toEqual(["m1", "m2"]);
  });
}

function sums(ledger: () => Ledger): void {
  test("spend is summed by the dimensions of the query, highest first", async () => {
    await foldInto(ledger(), [
      meteredOf({ attemptId: "a" }),
      meteredOf({ attemptId: "b", requestId: "r2", variant: "large", tier: "premium" }),
      meteredOf({ attemptId: "c", attribution: { ...demo, tenant: "zeta", user: "bob" } }),
    ]);
    const costs = await ledger().costs({ ...everything, by: ["tenant", "tier"] });
    expect(spends(costs).slice(0, 1)).toEqual([[{ tenant: "demo", tier: "premium" }, 1_400_000n]]);
    expect(costs.rows).toHaveLength(3);
    expect(costs.total.spendNanoUsd).toBe(1_680_000n);
    const mine = await ledger().costs({ ...everything, by: ["user", "hour"], tenant: "zeta" });
    expect(spends(mine)).toEqual([[{ user: "bob", hour: "2026-06-01T12:00:00.000Z" }, 140_000n]]);
  });

  test("a request is counted once, and not again for further attempts or a correction", async () => {
    await foldInto(ledger(), [
      meteredOf({ attemptId: "first", kind: "estimated" }),
      meteredOf({ attemptId: "first" }),
      meteredOf({ attemptId: "second", attemptNumber: 2 }),
    ]);
    const { total } = await ledger().costs(everything);
    expect(total).toMatchObject({ requests: 1n, attempts: 2n, hits: 0n });
  });

  test("the saving of a hit is summed separately from spend", async () => {
    const hit = meteredOf({ attemptId: "h", attemptNumber: 0, kind: "saving", cache: "exact" });
    await foldInto(ledger(), [meteredOf(), hit]);
    const { total } = await ledger().costs(everything);
    expect(total).toMatchObject({
      requests: 2n,
      attempts: 1n,
      hits: 1n,
      inputTokens: 100n,
      savedInputTokens: 100n,
      savedOutputTokens: 10n,
      spendNanoUsd: 140_000n,
      savedNanoUsd: 140_000n,
    });
  });

  test("each class of tokens has a sum of its own, and a correction changes each", async () => {
    const usage = usageOf({
      ...{ inputTokens: 1n, cachedInputTokens: 20n, cacheWriteTokens: 300n },
      ...{ cacheWriteHourTokens: 4_000n, outputTokens: 50_000n, reasoningTokens: 600_000n },
    });
    const twice = {
      ...{ inputTokens: 2n, cachedInputTokens: 40n, cacheWriteTokens: 600n },
      ...{ cacheWriteHourTokens: 8_000n, outputTokens: 100_000n, reasoningTokens: 1_200_000n },
    };
    await foldInto(ledger(), [
      meteredOf({ kind: "estimated", usage: { ...usage, ...twice } }),
      meteredOf({ attemptId: "other", usage }),
    ]);
    await foldInto(ledger(), [meteredOf({ usage })]);
    const hit = meteredOf({ attemptId: "h", attemptNumber: 0, kind: "saving", usage });
    await foldInto(ledger(), [hit]);
    const { total } = await ledger().costs(everything);
    expect(total).toMatchObject(twice);
    expect(total).toMatchObject({ savedInputTokens: 4_321n, savedOutputTokens: 650_000n });
    expect(total.spendNanoUsd).toBe(2n * (4_321n * 1_000n + 650_000n * 4_000n));
  });

  test("only the hours of the query are summed", async () => {
    const hourMs = 3_600_000;
    const hour = Date.UTC(2026, 5, 1, 12);
    await foldInto(ledger(), [
      meteredOf({ attemptId: "before", calledAt: hour - 1 }),
      meteredOf({ attemptId: "within", calledAt: hour }),
      meteredOf({ attemptId: "after", calledAt: hour + hourMs }),
    ]);
    const { total } = await ledger().costs({ ...everything, since: hour, until: hour + hourMs });
    expect(total.attempts).toBe(1n);
  });

  test("the total includes rows beyond the limit", async () => {
    const users = ["a", "b", "c"];
    await foldInto(
      ledger(),
      users.map((user) => meteredOf({ attemptId: user, attribution: { ...demo, user } })),
    );
    const costs = await ledger().costs({ ...everything, by: ["user"], rowsMax: 2 });
    expect(costs.rows).toHaveLength(2);
    expect(costs.total.attempts).toBe(3n);
  });

  test("the costs of an empty ledger are zero", async () => {
    const { rows, total } = await ledger().costs(everything);
    expect(rows).toEqual([]);
    expect(total.spendNanoUsd).toBe(0n);
  });
}
