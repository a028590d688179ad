import { expect, test } from "vitest";
import { type Budget, type BudgetSubject, selects, windowsFor } from "./budget.ts";

const budget = (changed: Partial<Budget> = {}): Budget => ({
  ...{ id: "b", limitNanoUsd: 5n, hard: true, period: "total", selector: {}, each: [] },
  ...changed,
});
const subject: BudgetSubject = {
  ...{ team: "support", feature: "chat", user: "ann", key: "k1", run: null },
  ...{ tier: "premium", model: "large", provider: "openai" },
};
const at = { now: Date.UTC(2026, 10, 27, 12), timeZone: "UTC", version: 7n };
const scopeOf = (changed: Partial<Budget>, of: Partial<BudgetSubject> = {}) =>
  windowsFor([budget(changed)], { ...subject, ...of }, at).map(({ scope }) => scope);

test("a budget without a selector counts every attempt", () => {
  expect(selects(budget(), subject)).toBe(true);
});

test("a selector needs one of its values in each dimension that it names", () => {
  const selector = { team: ["sales", "support"], provider: ["openai"] };
  expect(selects(budget({ selector }), subject)).toBe(true);
  expect(selects(budget({ selector }), { ...subject, team: "ops" })).toBe(false);
  expect(selects(budget({ selector }), { ...subject, provider: "anthropic" })).toBe(false);
});

test("each dimension can be selected by", () => {
  for (const [dimension, value] of Object.entries({ ...subject, run: "r1" })) {
    const selector = { [dimension]: [value] };
    expect(selects(budget({ selector }), { ...subject, run: "r1" })).toBe(true);
    expect(
      selects(budget({ selector: { [dimension]: ["other"] } }), { ...subject, run: "r1" }),
    ).toBe(false);
  }
});

test("a budget per value has a scope of its own for each combination of values", () => {
  expect(scopeOf({ each: ["user"] })).toEqual(["user=ann"]);
  expect(scopeOf({ each: ["tier", "team"] })).toEqual(["team=support,tier=premium"]);
  expect(scopeOf({})).toEqual([""]);
});

test("no value can imitate the scope of another one", () => {
  const imitating = scopeOf({ each: ["user", "run"] }, { user: "ann", run: "1,user=bob" });
  expect(imitating).toEqual(["user=ann,run=1%2Cuser%3Dbob"]);
});

test("a budget of a run counts each run on its own, and no request without a run", () => {
  expect(scopeOf({ period: "run" }, { run: "r1" })).toEqual(["run=r1"]);
  expect(scopeOf({ period: "run" })).toEqual([]);
  expect(scopeOf({ each: ["run"] })).toEqual([]);
});

test("a window has the limit, the kind and the period of its budget, and the version of the declarations", () => {
  expect(windowsFor([budget({ period: "day", hard: false })], subject, at)).toEqual([
    {
      ...{ budget: "b", scope: "", limitNanoUsd: 5n, hard: false, version: 7n },
      opensAt: Date.UTC(2026, 10, 27),
      closesAt: Date.UTC(2026, 10, 28),
    },
  ]);
});
