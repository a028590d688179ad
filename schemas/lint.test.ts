import { expect, test } from "vitest";
import { readSchemas } from "@sluice/avro-to-ts/generate";

const schemas = [...readSchemas()];

test("a file has the name of the type in it", () => {
  expect(schemas.filter(([file, { name }]) => file !== name)).toEqual([]);
});

test("each type and each field has a doc", () => {
  const undocumented = schemas.flatMap(([file, schema]) => [
    ...(schema.doc ? [] : [file]),
    ...(schema.fields ?? []).filter(({ doc }) => !doc).map(({ name }) => `${file}.${name}`),
  ]);
  expect(undocumented).toEqual([]);
});

test("each enum has a default, so that a new symbol does not break consumers of an earlier version", () => {
  const enums = schemas.filter(([, { type }]) => type === "enum");
  expect(enums.length).toBeGreaterThan(0);
  expect(enums.filter(([, schema]) => !("default" in schema)).map(([file]) => file)).toEqual([]);
});

test("a producer has to set only an id and messages", () => {
  const [, requested] = schemas.find(([file]) => file === "InferenceRequested")!;
  const required = requested.fields!.filter((field) => !("default" in field));
  expect(required.map(({ name }) => name)).toEqual(["requestId", "messages"]);
});
