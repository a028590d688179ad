import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileBillJournal, NoBillJournal } from "./bill-journal.ts";
import { Bill } from "./bill.ts";
import { costOf, divideHalfEven, noUsage, reportedUsageOf } from "./usage.ts";

const rates = {
  inputNanoUsdPerMillion: 150_000_000n,
  cachedInputNanoUsdPerMillion: 75_000_000n,
  cacheWriteNanoUsdPerMillion: 200_000_000n,
  cacheWriteHourNanoUsdPerMillion: 300_000_000n,
  outputNanoUsdPerMillion: 600_000_000n,
};
const usage = {
  ...noUsage,
  inputTokens: 10,
  cachedInputTokens: 4,
  outputTokens: 3,
  reasoningTokens: 2,
};
const call = { attemptId: "a1", model: "sim-economy" };

describe("the price of a call", () => {
  it("is the sum of its classes, with reasoning priced as output", () => {
    expect(costOf(usage, rates)).toBe(10n * 150n + 4n * 75n + 5n * 600n);
  });

  it("includes what was written to a prompt cache, by its life", () => {
    const written = { ...usage, cacheWriteTokens: 7, cacheWriteHourTokens: 6 };
    expect(costOf(written, rates)).toBe(costOf(usage, rates) + 7n * 200n + 6n * 300n);
  });

  it("is rounded once, and a half is rounded to the even neighbour", () => {
    expect([5n, 15n, 25n, 14n, 16n].map((amount) => divideHalfEven(amount, 10n))).toEqual([
      0n,
      2n,
      2n,
      1n,
      2n,
    ]);
    const half = { ...rates, inputNanoUsdPerMillion: 50_000n, cachedInputNanoUsdPerMillion: 0n };
    expect(costOf({ ...usage, outputTokens: 0, reasoningTokens: 0 }, half)).toBe(0n);
  });

  it("differs from the exact price by at most half a nano-dollar", () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 20n), fc.bigInt(1n, 10n ** 9n), (amount, divisor) => {
        const distance = divideHalfEven(amount, divisor) * divisor - amount;
        expect(2n * (distance < 0n ? -distance : distance) <= divisor).toBe(true);
      }),
    );
  });

  it("is reported with cached tokens among prompt tokens, and reasoning among completion tokens", () => {
    expect(reportedUsageOf(usage)).toMatchObject({
      prompt_tokens: 14,
      completion_tokens: 5,
      total_tokens: 19,
      prompt_tokens_details: { cached_tokens: 4 },
      completion_tokens_details: { reasoning_tokens: 2 },
    });
  });
});

describe("the bill", () => {
  it("shows a second billed call of one attempt", () => {
    const bill = new Bill(new NoBillJournal());
    for (const at of [1, 2]) {
      bill.begin(call, false);
      bill.charge(call, usage, "answered", at);
    }
    expect(bill.attempt("a1")).toMatchObject({ calls: 2, billedCalls: 2, costNanoUsd: 9_600n });
    expect(bill.totalNanoUsd()).toBe(9_600n);
  });

  it("shows how many calls ran at the same time", () => {
    const bill = new Bill(new NoBillJournal());
    bill.begin(call, false);
    bill.begin(call, false);
    expect(bill.concurrency()).toEqual({ open: 2, peak: 2 });
    bill.charge(call, usage, "answered", 1);
    bill.endUnbilled(call, "rate-limited");
    expect(bill.concurrency()).toEqual({ open: 0, peak: 2 });
    expect(bill.attempt("a1")).toMatchObject({ open: 0, openPeak: 2, billedCalls: 1 });
  });
});

describe("the bill's journal", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "simulator-bill-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("gives a restarted simulator the same bill", () => {
    const before = new Bill(journal());
    before.begin(call, true);
    before.charge(call, usage, "answered", 5);
    expect(new Bill(journal()).attempts()).toEqual(before.attempts());
  });

  it("leaves a call unbilled that was open when the simulator exited", () => {
    new Bill(journal()).begin(call, true);
    const after = new Bill(journal());
    expect(after.attempt("a1")).toMatchObject({
      calls: 1,
      billedCalls: 0,
      open: 0,
      reason: "simulator-died",
    });
    expect(after.concurrency()).toEqual({ open: 0, peak: 0 });
  });

  it("drops a line that a kill tore, and continues after it", () => {
    const before = new Bill(journal());
    before.begin(call, false);
    before.charge(call, usage, "answered", 5);
    appendFileSync(join(folder, "bill.jsonl"), '{"event":"begun","atte');
    const after = new Bill(journal());
    after.begin({ ...call, attemptId: "a2" }, false);
    expect(new Bill(journal()).attempts().map(({ calls }) => calls)).toEqual([1, 1]);
  });

  it("reads a journal that was written before cache writes were billed", () => {
    const earlier = { inputTokens: 10, cachedInputTokens: 0, outputTokens: 2, reasoningTokens: 0 };
    const entries = [
      { event: "begun", ...call, stream: false },
      { event: "billed", ...call, usage: earlier, reason: "answered", at: 5 },
    ];
    const lines = entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
    appendFileSync(join(folder, "bill.jsonl"), lines);
    const attempt = new Bill(journal()).attempt("a1");
    expect(attempt?.usage).toEqual({ ...noUsage, ...earlier });
    expect(attempt?.costNanoUsd).toBe(10n * 150n + 2n * 600n);
  });

  it("is empty after it was cleared", () => {
    const bill = new Bill(journal());
    bill.begin(call, false);
    bill.clear();
    expect(new Bill(journal()).attempts()).toEqual([]);
  });

  const journal = (): FileBillJournal => new FileBillJournal(join(folder, "bill.jsonl"));
});
