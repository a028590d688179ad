import { expect, test } from "vitest";
import { readSchemas } from "@sluice/avro-to-ts/generate";

const schemas = [...readSchemas()];

test("a file is named as the type in it", () => {
  expect(schemas.filter(([file, { name }]) => file !== name)).toEqual([]);
});

test("every type and every field says what it means", () => {
  const mute = schemas.flatMap(([file, schema]) => [
    ...(schema.doc ? [] : [file]),
    ...(schema.fields ?? []).filter(({ doc }) => !doc).map(({ name }) => `${file}.${name}`),
  ]);
  expect(mute).toEqual([]);
});

test("every enum has a default, or a new symbol would break those who lag", () => {
  const enums = schemas.filter(([, { type }]) => type === "enum");
  expect(enums.length).toBeGreaterThan(0);
  expect(enums.filter(([, schema]) => !("default" in schema)).map(([file]) => file)).toEqual([]);
});

test("a producer need state nothing but an id and messages", () => {
  const [, requested] = schemas.find(([file]) => file === "InferenceRequested")!;
  const required = requested.fields!.filter((field) => !("default" in field));
  expect(required.map(({ name }) => name)).toEqual(["requestId", "messages"]);
});
