import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { IngressMetrics } from "../../metrics.ts";
import { MemoryBudget } from "./memory-budget.ts";

function aBudget(bytesMax: number) {
  const metrics = new IngressMetrics(new Registry());
  const held = async () => (await metrics.heldBytes.get()).values[0]?.value;
  const shed = async () => (await metrics.decisions.get()).values[0]?.value;
  return { budget: new MemoryBudget(bytesMax, metrics), held, shed };
}

test("bodies fill three quarters of the budget, and the rest is left for responses", async () => {
  const { budget, held, shed } = aBudget(100);
  expect(budget.takeBody(75)).toBeDefined();
  expect(budget.takeBody(1)).toBeUndefined();
  expect(budget.takeResponse(25)).toBeDefined();
  expect(budget.takeResponse(1)).toBeUndefined();
  expect([await held(), await shed()]).toEqual([100, 2]);
});

test("a body gives back what it does not need, and what it held only once", async () => {
  const { budget, held } = aBudget(100);
  const body = budget.takeBody(60);
  body?.shrinkTo(10);
  body?.shrinkTo(50);
  expect(await held()).toBe(10);
  body?.release();
  body?.release();
  expect(await held()).toBe(0);
});
