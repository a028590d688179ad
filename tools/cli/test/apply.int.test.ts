import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RegistryTopicCodecs, SchemaRegistryClient } from "@sluice/contracts";
import { ControlDeclarations } from "@sluice/declarations/control";
import { KafkaTopicFollower, silentLogger } from "@sluice/stage";
import { SuiteTopics } from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runSluice } from "./run-sluice.ts";

const key = (id: string, revoked: boolean) =>
  `{ id: ${id}, secret: "env:KEY", team: t, feature: f, user: u, revoked: ${revoked} }`;
const yamlWith = (...keys: readonly string[]) => `
tenants: [{ id: acme, keys: [${keys.join(", ")}] }]
providers: [{ id: p, preset: openai, keys: ["env:P"] }]
models: [{ id: m, provider: p, tier: economy, contextWindow: 1, prices: [{ effectiveFrom: 2026-01-01, input: 1, output: 1 }] }]
`;

const folder = mkdtempSync(join(tmpdir(), "sluice-apply-"));
const file = join(folder, "sluice.yaml");
let suite: SuiteTopics;
beforeAll(async () => {
  suite = await SuiteTopics.open("apply");
});
afterAll(async () => {
  await suite.close();
  rmSync(folder, { recursive: true });
});

function apply(yaml: string, ...args: readonly string[]) {
  writeFileSync(file, yaml);
  return runSluice(["apply", "-f", file, ...args], suite.environment);
}

function follow(): Promise<ControlDeclarations> {
  const { connection, environment } = suite;
  const registry = new SchemaRegistryClient(
    environment["SLUICE_REGISTRY_URL"] ?? "",
    connection.topicPrefix,
  );
  return ControlDeclarations.follow({
    follower: new KafkaTopicFollower(connection),
    codecs: new RegistryTopicCodecs(registry),
    logger: silentLogger,
    folder,
    environment: { KEY: "a-secret-of-24-characters", P: "p" },
  });
}

test("an apply shows and publishes what changed, and processes that follow adopt it within 2 s", async () => {
  const dry = await apply(yamlWith(key("k1", false)), "--dry-run");
  expect(dry).toMatchObject({ code: 0 });
  expect(dry.stdout).toContain("+ keys/k1\n");
  const first = await apply(yamlWith(key("k1", false)));
  expect(first.stderr).toContain("published as version 1.");

  const declarations = await follow();
  try {
    expect(declarations.version()).toBe(1n);
    expect(declarations.keys()).toMatchObject([{ id: "k1", revoked: false }]);
    const revoking = await apply(yamlWith(key("k1", true), key("k2", false)));
    expect(revoking.stdout).toBe("~ keys/k1\n    revoked: false -> true\n+ keys/k2\n");
    await expect.poll(() => declarations.version(), { timeout: 2_000 }).toBe(2n);
    expect(declarations.keys().map(({ id, revoked }) => [id, revoked])).toEqual([
      ["k1", true],
      ["k2", false],
    ]);

    const again = await apply(yamlWith(key("k1", true), key("k2", false)), "--json");
    expect(JSON.parse(again.stdout)).toEqual({ version: "2", isApplied: true, changes: [] });
    const removing = await apply(yamlWith(key("k2", false)));
    expect(removing.stdout).toBe("- keys/k1\n");
    await expect.poll(() => declarations.version(), { timeout: 2_000 }).toBe(3n);
    expect(declarations.keys().map(({ id }) => id)).toEqual(["k2"]);
  } finally {
    await declarations.close();
  }
});

test("every error of a file is listed with its line, and nothing is published", async () => {
  const { code, stderr, stdout } = await apply("tenants: []\nproviders: [{ id: p }]\nunknown: 1\n");
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(/line 1: tenants/);
  expect(stderr).toMatch(/line 3: unknown/);
});
