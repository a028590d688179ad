import { expect, test } from "vitest";
import { runSluice, type SluiceResult } from "./run-sluice.ts";

const prefix = `cli-${process.pid}-${Date.now()}.`;

/** Runs `sluice provision` with the Kafka and registry of this test run, and with more variables. */
async function provision(
  args: readonly string[] = [],
  more: Readonly<Record<string, string>> = {},
): Promise<SluiceResult & { readonly output: string }> {
  const variables = { SLUICE_KAFKA_TOPIC_PREFIX: prefix, ...more };
  const result = await runSluice(["provision", ...args], variables);
  return { ...result, output: result.stdout + result.stderr };
}

test("topics and schemas are created on the environment's Kafka, and are found by the second run", async () => {
  const first = await provision(["--set-compatibility"]);
  expect(first).toMatchObject({ code: 0 });
  expect(first.output).toMatch(/ [1-9]\d* created, [1-9]\d* schemas registered/);

  const second = await provision();
  expect(second).toMatchObject({ code: 0 });
  expect(second.output).toMatch(/ 0 created, /);

  const level = await fetch(`${process.env["SLUICE_REGISTRY_URL"]}/config`);
  expect(await level.json()).toEqual({ compatibilityLevel: "FULL_TRANSITIVE" });
});

test("without an address, the message names the variables to set", async () => {
  expect(await provision([], { SLUICE_REGISTRY_URL: "" })).toMatchObject({
    code: 2,
    output: expect.stringContaining("SLUICE_REGISTRY_URL"),
  });
});

test("a registry that does not answer ends the command with an error that names its address", async () => {
  const registry = { SLUICE_REGISTRY_URL: "http://127.0.0.1:1/apis/ccompat/v7" };
  const { code, output } = await provision(["--set-compatibility"], registry);
  expect(code).toBe(1);
  expect(output).toContain("The schema registry at http://127.0.0.1:1 does not answer.");
});

test("an invalid variable is named, and nothing is created", async () => {
  expect(await provision([], { SLUICE_KAFKA_PARTITIONS: "many" })).toMatchObject({
    code: 2,
    output: expect.stringContaining("SLUICE_KAFKA_PARTITIONS"),
  });
});

test("with --json, the result is JSON", async () => {
  const { code, stdout } = await provision(["--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ created: [], differences: [] });
});
