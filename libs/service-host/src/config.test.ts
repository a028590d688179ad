import { expect, test } from "vitest";
import { z } from "zod";
import { countKey, parseConfig, platformKeys } from "./config.ts";

const schema = z.object({
  ...platformKeys,
  SLUICE_LIMIT: countKey(5, { min: 1, max: 10 }, "How many."),
});
const complete = { SLUICE_KAFKA_BROKERS: "a:1, b:2", SLUICE_REGISTRY_URL: "http://127.0.0.1:1" };

test("defaults apply, and lists are split", () => {
  expect(parseConfig(schema, complete)).toMatchObject({
    SLUICE_KAFKA_BROKERS: ["a:1", "b:2"],
    SLUICE_LIMIT: 5,
    SLUICE_LOG_LEVEL: "info",
  });
});

test("all errors are reported together, by key and purpose", () => {
  expect(() => parseConfig(schema, { SLUICE_LIMIT: "eleven" })).toThrow(
    /SLUICE_KAFKA_BROKERS: .*\n.*SLUICE_REGISTRY_URL: .*\n.*SLUICE_LIMIT: .*How many\./,
  );
});
