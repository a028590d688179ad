import { expect, test } from "vitest";
import { parseOptions } from "./options.ts";

test("without options the default rates are measured once, for five seconds each", () => {
  expect(parseOptions([])).toEqual({
    plan: {
      hitRates: [500, 1_000, 2_000, 3_000],
      missRates: [50, 100, 200, 400],
      secondsPerStep: 5,
      rounds: 1,
      connectionsMax: 2_000,
    },
    json: null,
    profiles: null,
    budgets: false,
    commit: "",
  });
});

test("an empty list of rates leaves out that kind of request", () => {
  const { plan, commit } = parseOptions(["--hits", "", "--misses=200", "HEAD~1"]);
  expect([plan.hitRates, plan.missRates, commit]).toEqual([[], [200], "HEAD~1"]);
});

test("budgets are declared if the option says so", () => {
  expect(parseOptions(["--budgets"]).budgets).toBe(true);
});

test("rates, seconds and rounds above their limits are refused, and the message names the option", () => {
  expect(() => parseOptions(["--misses", "1000000"])).toThrow("--misses");
  expect(() => parseOptions(["--seconds", "0"])).toThrow("--seconds");
  expect(() => parseOptions(["--rounds", "many"])).toThrow("--rounds");
  expect(() => parseOptions(["--connections", "2001"])).toThrow("--connections");
});
