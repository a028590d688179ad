import fc from "fast-check";
import { expect, test } from "vitest";
import { mayTake, type Shared } from "./fair-share.ts";

const weights: Readonly<Record<string, number>> = { heavy: 3 };

function sharedBy(inHand: Readonly<Record<string, number>>, max = 60): Shared {
  const total = Object.values(inHand).reduce((sum, count) => sum + count, 0);
  const weightOf = (tenant: string) => weights[tenant] ?? 1;
  return { max, inHand: new Map(Object.entries(inHand)), total, weightOf };
}

test("a tenant that is alone may use everything, and no more", () => {
  expect(mayTake("alpha", sharedBy({ alpha: 59 }))).toBe(true);
  expect(mayTake("alpha", sharedBy({ alpha: 60 }))).toBe(false);
});

test("a tenant below its share is admitted while another one has everything", () => {
  expect(mayTake("beta", sharedBy({ alpha: 60 }))).toBe(true);
  expect(mayTake("beta", sharedBy({ alpha: 60, beta: 29 }))).toBe(true);
  expect(mayTake("beta", sharedBy({ alpha: 60, beta: 30 }))).toBe(false);
});

test("a tenant above its share is refused until the places are free again", () => {
  expect(mayTake("alpha", sharedBy({ alpha: 31, beta: 29 }))).toBe(false);
  expect(mayTake("alpha", sharedBy({ alpha: 31, beta: 28 }))).toBe(true);
});

test("a share grows with the weight of its tenant", () => {
  expect(mayTake("heavy", sharedBy({ alpha: 60, heavy: 44 }))).toBe(true);
  expect(mayTake("heavy", sharedBy({ alpha: 60, heavy: 45 }))).toBe(false);
  expect(mayTake("alpha", sharedBy({ heavy: 60, alpha: 14 }))).toBe(true);
  expect(mayTake("alpha", sharedBy({ heavy: 60, alpha: 15 }))).toBe(false);
});

test("a tenant that has nothing in hand has no part in the shares of others", () => {
  expect(mayTake("beta", sharedBy({ alpha: 60, beta: 29, gamma: 0 }))).toBe(true);
});

test("every tenant has a share of at least one", () => {
  expect(mayTake("gamma", sharedBy({ alpha: 1, beta: 1 }, 1))).toBe(true);
  expect(mayTake("beta", sharedBy({ alpha: 1, beta: 1 }, 1))).toBe(false);
});

test("whatever tenants take and return, what is in hand has a limit, and a tenant without any is admitted", () => {
  const tenants = ["a", "b", "c", "d"];
  const step = fc.record({ tenant: fc.constantFrom(...tenants), takes: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 300 }),
      fc.integer({ min: 4, max: 20 }),
      (steps, max) => {
        const inHand: Record<string, number> = {};
        for (const { tenant, takes } of steps) {
          const own = inHand[tenant] ?? 0;
          const may = mayTake(tenant, sharedBy(inHand, max));
          expect(may || own > 0).toBe(true);
          if (takes && may) inHand[tenant] = own + 1;
          if (!takes && own > 0) inHand[tenant] = own - 1;
          const bound = max * (1 + 1 / 2 + 1 / 3 + 1 / 4);
          expect(sharedBy(inHand).total).toBeLessThanOrEqual(bound);
        }
      },
    ),
  );
});
