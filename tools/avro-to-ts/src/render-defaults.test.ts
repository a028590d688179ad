import { expect, test } from "vitest";
import type { NamedSchema } from "./render.ts";
import { renderDefaults } from "./render-defaults.ts";

const schemas = new Map<string, NamedSchema>([
  ["Tier", { type: "enum", name: "Tier", symbols: ["economy", "premium"] }],
  [
    "Limits",
    {
      type: "record",
      name: "Limits",
      fields: [
        { name: "tier", type: "Tier", default: "economy" },
        { name: "costMax", type: "long", default: 5 },
      ],
    },
  ],
  [
    "Ask",
    {
      type: "record",
      name: "Ask",
      fields: [
        { name: "id", type: "string" },
        { name: "limits", type: "Limits", default: { tier: "premium", costMax: 7 } },
        { name: "at", type: { type: "long", logicalType: "timestamp-millis" }, default: 0 },
        { name: "note", type: ["null", "string"], default: null },
        { name: "texts", type: { type: "array", items: "string" }, default: [] },
        { name: "tags", type: { type: "map", values: "string" }, default: {} },
        { name: "isLive", type: "boolean", default: false },
      ],
    },
  ],
]);

test("defaults become constants, longs as bigints, and a field without a default is left out of the type", () => {
  expect(renderDefaults(schemas, { Limits: "defaultLimits", Ask: "defaultAsk" })).toBe(
    `import type { Ask, Limits } from "./records.ts";

/** The fields of {@link Limits} that have a default. */
export const defaultLimits: Limits = {
  tier: "economy",
  costMax: 5n,
};

/** The fields of {@link Ask} that have a default. */
export const defaultAsk: Omit<Ask, "id"> = {
  limits: { tier: "premium", costMax: 7n },
  at: 0,
  note: null,
  texts: [],
  tags: {},
  isLive: false,
};
`,
  );
});

test("a default that would be rendered wrongly is an error", () => {
  const withDefault = (type: NamedSchema["type"], value: unknown) =>
    new Map<string, NamedSchema>([
      ["R", { type: "record", name: "R", fields: [{ name: "f", type, default: value }] }],
    ]);
  const constants = { R: "defaultR" };
  expect(() => renderDefaults(withDefault("bytes", ""), constants)).toThrow('"bytes"');
  expect(() => renderDefaults(withDefault(["null", "string"], "a"), constants)).toThrow("union");
  const list = { type: "array", items: "string" };
  expect(() => renderDefaults(withDefault(list, ["a"]), constants)).toThrow("must be empty");
  expect(() => renderDefaults(new Map(), constants)).toThrow('no record "R"');
});
