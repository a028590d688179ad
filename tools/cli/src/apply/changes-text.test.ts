import { expect, test } from "vitest";
import { changesText } from "./changes-text.ts";

test("each change has a line with its sign, and a changed entry one more for each field", () => {
  const text = changesText([
    { kind: "added", entry: { kind: "tenants", id: "acme", declared: {} } },
    {
      kind: "changed",
      entry: { kind: "keys", id: "k1", declared: {} },
      fields: [
        { path: "user", before: "ann", after: "bob" },
        { path: "revoked", before: undefined, after: true },
      ],
    },
    {
      kind: "changed",
      entry: { kind: "prices", id: "m", declared: [] },
      fields: [{ path: "", before: [1], after: [] }],
    },
    { kind: "removed", entry: { kind: "budgets", id: "day" } },
  ]);
  expect(text.split("\n")).toEqual([
    "+ tenants/acme",
    "~ keys/k1",
    '    user: "ann" -> "bob"',
    "    revoked: (absent) -> true",
    "~ prices/m",
    "    [1] -> []",
    "- budgets/day",
    "",
  ]);
});
