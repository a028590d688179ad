import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { generated, topicRecords } from "@sluice/avro-to-ts/generate";
import { schemas } from "./generated/schemas.ts";
import { allTopics } from "./topics.ts";

test("the committed types are those of the schemas", () => {
  for (const [path, text] of generated())
    expect(readFileSync(path, "utf8"), "npm run contracts").toBe(text);
});

test("every record with a topic is bundled, and every bundle has a topic", () => {
  expect(Object.keys(schemas)).toEqual(topicRecords);
  expect(new Set(allTopics.map(({ record }) => record))).toEqual(new Set(topicRecords));
});
