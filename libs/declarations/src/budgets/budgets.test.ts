import { expect, test } from "vitest";
import { declarationsOf, errorsOf } from "./budgets.fixture.ts";

test("a budget is declared with a limit, a period and a selector of values and lists", () => {
  const declarations = declarationsOf(`
  - { id: month, tenant: acme, limitUsd: 1000, period: month, selector: { team: [a, b], provider: ai } }
  - { id: user_day, limitUsd: "0.000000001", period: day, each: [user], soft: true }`);
  expect(declarations.budgetsOf("acme")).toEqual([
    {
      ...{ id: "month", limitNanoUsd: 1_000_000_000_000n, hard: true, period: "month", each: [] },
      selector: { team: ["a", "b"], provider: ["ai"] },
    },
    {
      ...{ id: "user_day", limitNanoUsd: 1n, hard: false, period: "day", each: ["user"] },
      selector: {},
    },
  ]);
});

test("a limit may be four billion dollars", () => {
  const [budget] = declarationsOf(`
  - { id: b, limitUsd: 4000000000, period: day }`).budgetsOf("acme");
  expect(budget?.limitNanoUsd).toBe(4_000_000_000_000_000_000n);
});

test("a budget without a tenant is one of each tenant, and one with a tenant is of no other", () => {
  const declarations = declarationsOf(`
  - { id: all, limitUsd: 1, period: total }
  - { id: one, tenant: globex, limitUsd: 1, period: total }`);
  const idsOf = (tenant: string) => declarations.budgetsOf(tenant).map(({ id }) => id);
  expect([idsOf("acme"), idsOf("globex")]).toEqual([["all"], ["all", "one"]]);
});

test("a tenant has the time zone that it declares, and UTC otherwise", () => {
  const declarations = declarationsOf("");
  expect(declarations.tenants()).toEqual(["acme", "globex"]);
  expect(declarations.timeZoneOf("acme")).toBe("Europe/Berlin");
  expect(declarations.timeZoneOf("globex")).toBe("UTC");
});

test.each([
  ["{ id: b, limitUsd: 0, period: day }", "expected dollars above zero"],
  ["{ id: b, limitUsd: 0.0000000001, period: day }", "expected dollars above zero"],
  ["{ id: b, limitUsd: '4000000000.000000001', period: day }", "at most 4,000,000,000"],
  ["{ id: b, limitUsd: 1, period: year }", "Invalid option"],
  ["{ id: b, limitUsd: 1, period: day, each: [color] }", "Invalid option"],
  ["{ id: b, limitUsd: 1, period: day, selector: { colour: red } }", "unknown key"],
  ["{ id: b, limitUsd: 1, period: day, tenant: nowhere }", 'no tenant has the id "nowhere"'],
  ["{ id: b, limitUsd: 1, period: day, selector: { model: [m, x] } }", 'no model has the id "x"'],
  ["{ id: b, limitUsd: 1, period: day, selector: { provider: x } }", 'no provider has the id "x"'],
  ["{ id: b, limitUsd: 1, period: day, selector: { key: x } }", 'no key has the id "x"'],
  [
    "{ id: b, limitUsd: 1, period: day }\n  - { id: b, limitUsd: 1, period: day }",
    "another budget",
  ],
])("%s is an error with its line: %s", (budget, message) => {
  const [error] = errorsOf(`\n  - ${budget}`);
  expect(error?.message).toContain(message);
  expect(error?.line).toBeGreaterThan(1);
});

test("an unknown time zone is an error", () => {
  const [error] = errorsOf("", "Mars/Olympus");
  expect(error?.message).toContain("expected a time zone of the IANA database");
});
