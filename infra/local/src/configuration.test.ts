import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDir } from "../test/fake-program.ts";
import { prepareConfiguration } from "./configuration.ts";

test("the first start creates secrets that only their owner can read, and later starts keep them", () => {
  const dataDir = temporaryDir();
  const first = prepareConfiguration(dataDir, {});
  expect(first.demoKey).toMatch(/^sk-sluice-demo-[0-9a-f]{48}$/);
  expect(statSync(join(dataDir, "secrets", "demo-key")).mode & 0o777).toBe(0o600);
  expect(prepareConfiguration(dataDir, {})).toEqual(first);
  expect(prepareConfiguration(temporaryDir(), {}).demoKey).not.toBe(first.demoKey);
});

test.each([
  ["replaySecretFile", "replay-secret", "SLUICE_REPLAY_SECRET"],
  ["attributionSecretFile", "attribution-secret", "SLUICE_ATTRIBUTION_SECRET"],
] as const)("%s is created once, unless the environment provides a secret", (member, name, key) => {
  const dataDir = temporaryDir();
  const file = join(dataDir, "secrets", name);
  const given = { [key]: "r".repeat(32) };
  expect(prepareConfiguration(dataDir, given)[member]).toBeNull();
  expect(existsSync(file)).toBe(false);
  expect(prepareConfiguration(dataDir, {})[member]).toBe(file);
  const first = readFileSync(file, "utf8");
  expect(first).toMatch(/^[0-9a-f]{48}$/);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  prepareConfiguration(dataDir, {});
  expect(readFileSync(file, "utf8")).toBe(first);
});

test("an edited sluice.yaml is never overwritten", () => {
  const dataDir = temporaryDir();
  const { path } = prepareConfiguration(dataDir, {});
  writeFileSync(path, `${readFileSync(path, "utf8")}# mine\n`);
  prepareConfiguration(dataDir, {});
  expect(readFileSync(path, "utf8")).toMatch(/# mine\n$/);
});

test("the user's own sluice.yaml replaces that of the demo", () => {
  const dataDir = temporaryDir();
  const { path } = prepareConfiguration(temporaryDir(), {});
  const configuration = prepareConfiguration(dataDir, { SLUICE_CONFIG: path });
  expect(configuration).toMatchObject({ path, demoKey: null, simulatorKey: null });
});

test("a secret in the environment is assigned to the service that resolves it", () => {
  const dataDir = temporaryDir();
  const { path } = prepareConfiguration(dataDir, {});
  const text = readFileSync(path, "utf8")
    .replace("file:secrets/demo-key", "env:DEMO_SECRET")
    .replace("file:secrets/simulator-key", "env:PROVIDER_KEY");
  writeFileSync(path, text);
  const environment = { DEMO_SECRET: "s".repeat(32), PROVIDER_KEY: "p".repeat(32) };
  expect(prepareConfiguration(dataDir, environment)).toMatchObject({
    ingressSecrets: ["DEMO_SECRET"],
    adapterSecrets: ["PROVIDER_KEY"],
  });
});

test("every missing secret is reported before anything is started", () => {
  const dataDir = temporaryDir();
  const { path } = prepareConfiguration(dataDir, {});
  const text = readFileSync(path, "utf8")
    .replace("file:secrets/demo-key", "env:DEMO_SECRET")
    .replace("file:secrets/simulator-key", "env:PROVIDER_KEY");
  writeFileSync(path, text);
  expect(() => prepareConfiguration(dataDir, {})).toThrow(
    /needs DEMO_SECRET in the environment; set it\.\n.*needs PROVIDER_KEY/,
  );
});

test("every short secret of a key is reported before anything is started", () => {
  const dataDir = temporaryDir();
  const { path } = prepareConfiguration(dataDir, {});
  const text = readFileSync(path, "utf8").replace("file:secrets/demo-key", "env:DEMO_SECRET");
  writeFileSync(path, text);
  const prepare = () => prepareConfiguration(dataDir, { DEMO_SECRET: "canary" });
  expect(prepare).toThrow(/key "demo" behind "env:DEMO_SECRET" has 6 characters/);
  expect(prepare).not.toThrow("canary");
});

test("an invalid sluice.yaml is reported with the line of the error before anything is started", () => {
  const dataDir = temporaryDir();
  writeFileSync(join(dataDir, "sluice.yaml"), "tenants: []\nproviders: 3\n");
  expect(() => prepareConfiguration(dataDir, {})).toThrow(/line 2: providers/);
});

test("the tenants that have topics of their own are those that sluice.yaml declares, with their keys", () => {
  const dataDir = temporaryDir();
  const { path } = prepareConfiguration(dataDir, {});
  expect(prepareConfiguration(dataDir, {}).tenantsWithTopics).toEqual([]);
  writeFileSync(
    path,
    readFileSync(path, "utf8").replace("- id: demo\n", "- id: demo\n    ownTopics: true\n"),
  );
  const { tenantsWithTopics } = prepareConfiguration(dataDir, {});
  expect(tenantsWithTopics).toEqual([{ tenant: "demo", keyIds: ["demo"] }]);
});
