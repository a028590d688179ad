import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "@sluice/local-stack";
import { expect, test } from "vitest";
import { jsonOf } from "./output.ts";

test("in JSON, longs are decimal strings and times are in RFC 3339", () => {
  expect(jsonOf({ costNanoUsd: 9_007_199_254_740_993n, calledAt: 0, at: 5, format: 1 })).toBe(
    '{"costNanoUsd":"9007199254740993","calledAt":"1970-01-01T00:00:00.000Z","at":5,"format":1}',
  );
});

test("in every schema, a field is a time if and only if its name ends in At", () => {
  const folder = join(repositoryRoot, "schemas");
  const schemas = readdirSync(folder).filter((name) => name.endsWith(".avsc"));
  const wrong = schemas.flatMap((name) => {
    const { fields = [] }: { fields?: readonly { name: string; type: unknown }[] } = JSON.parse(
      readFileSync(join(folder, name), "utf8"),
    );
    return fields
      .filter((field) => /[a-z]At$/.test(field.name) !== isTime(field.type))
      .map((field) => `${name}: ${field.name}`);
  });
  expect(schemas.length).toBeGreaterThan(20);
  expect(wrong).toEqual([]);
});

function isTime(type: unknown): boolean {
  return JSON.stringify(type).includes("timestamp-millis");
}
