import { expect, test } from "vitest";
import { bundle } from "./bundle.ts";
import { type NamedSchema, renderAll } from "./render.ts";

const tier: NamedSchema = { type: "enum", name: "Tier", symbols: ["economy", "premium"] };
const charge: NamedSchema = {
  type: "record",
  name: "Charge",
  fields: [
    { name: "amount", type: "long", doc: "In nano-USD." },
    { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "tier", type: ["null", "Tier"] },
    { name: "before", type: { type: "array", items: "Tier" } },
    { name: "tags", type: { type: "map", values: "string" } },
  ],
};

test("longs become bigint, times become number, and named types are referred to by name", () => {
  expect(renderAll([tier, charge])).toBe(
    `export type Tier = "economy" | "premium";

export interface Charge {
  /** In nano-USD. */
  readonly amount: bigint;
  readonly at: number;
  readonly tier: Tier | null;
  readonly before: readonly Tier[];
  readonly tags: Readonly<Record<string, string>>;
}
`,
  );
});

test("a list of lists is read-only at every depth", () => {
  const numbers = { type: "array", items: { type: "array", items: "int" } };
  const schema = { type: "record", name: "R", fields: [{ name: "f", type: numbers }] };
  expect(renderAll([schema])).toContain("readonly f: readonly (readonly number[])[];");
});

test("unions other than optional values, and unknown types, are refused", () => {
  const field = (type: NamedSchema["type"]): NamedSchema => ({
    type: "record",
    name: "R",
    fields: [{ name: "f", type }],
  });
  expect(() => renderAll([field(["string", "null"])])).toThrow("unions");
  expect(() => renderAll([field("Unknown")])).toThrow('"Unknown"');
});

test("a bundle declares each type at its first use", () => {
  const files = new Map([
    ["Tier", tier],
    ["Charge", charge],
  ]);
  const fields = bundle("Charge", files).fields!;
  expect(fields[2]!.type).toEqual(["null", tier]);
  expect(fields[3]!.type).toEqual({ type: "array", items: "Tier" });
});
