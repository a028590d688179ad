import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { generated, topicRecords } from "@sluice/avro-to-ts/generate";
import { schemas } from "./generated/schemas.ts";
import { allTopics } from "./topics.ts";

test("the committed generated files are what the schemas generate", () => {
  for (const [path, text] of generated())
    expect(readFileSync(path, "utf8"), "npm run contracts").toBe(text);
});

test("every record with a topic has a bundled schema, and every bundled schema has a topic", () => {
  expect(Object.keys(schemas)).toEqual(topicRecords);
  expect(new Set(allTopics.map(({ record }) => record))).toEqual(new Set(topicRecords));
});
