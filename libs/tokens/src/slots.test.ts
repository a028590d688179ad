import fc from "fast-check";
import { expect, test } from "vitest";
import { Slots } from "./slots.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("no more work than the limit is in progress, and it begins in the order of its arrival", async () => {
  const limits = fc.integer({ min: 1, max: 4 });
  const works = fc.array(fc.record({ turns: fc.nat(3), fails: fc.boolean(), later: fc.nat(2) }), {
    maxLength: 12,
  });
  const property = fc.asyncProperty(limits, works, async (limit, all) => {
    const slots = new Slots(limit);
    const arrived: number[] = [];
    const begun: number[] = [];
    let inProgress = 0;
    let most = 0;
    const ran = await Promise.allSettled(
      all.map(async ({ turns, fails, later }, number) => {
        for (let at = 0; at < later; at += 1) await turn();
        arrived.push(number);
        return slots.run(async () => {
          begun.push(number);
          inProgress += 1;
          most = Math.max(most, inProgress);
          for (let at = 0; at < turns; at += 1) await turn();
          inProgress -= 1;
          if (fails) throw new Error(`Work ${number} failed.`);
          return number;
        });
      }),
    );
    expect(begun).toEqual(arrived);
    expect(most).toBeLessThanOrEqual(limit);
    expect(ran.map(({ status }) => status)).toEqual(
      all.map(({ fails }) => (fails ? "rejected" : "fulfilled")),
    );
  });
  await fc.assert(property, { numRuns: 100 });
});

test("failed work frees its slot, also if it fails at once", async () => {
  const slots = new Slots(1);
  const fails = () => {
    throw new Error("It failed.");
  };
  await expect(slots.run(fails)).rejects.toThrow("It failed.");
  await expect(slots.run(async () => 42)).resolves.toBe(42);
});
