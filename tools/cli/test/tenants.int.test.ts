import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SluiceClient } from "@sluice/client";
import { allTopics, deadLetterNameOf } from "@sluice/contracts";
import {
  guardDataDir,
  removeDataDir,
  repositoryRoot,
  type StackAccess,
  type TenantPrograms,
} from "@sluice/local-stack";
import { type KafkaConnection, KafkaTopicLog } from "@sluice/stage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { built, finished } from "./own-stack.ts";

/** Two tenants with topics and accounts of their own on one stack, and what each reads of the other. */

const root = mkdtempSync(join(tmpdir(), "sluice-tenants-"));
const dataDir = join(root, "data");
const declarations = join(root, "sluice.yaml");
const guard = guardDataDir(dataDir);
const where = ["--data-dir", dataDir];
const secret = "a-secret-of-both-tenants";
const environment = {
  SLUICE_CONFIG: declarations,
  TENANT_SECRET: secret,
  SIMULATOR_KEY: "simulated",
  SLUICE_SIMULATOR_KEY: "simulated",
};
let access: StackAccess;

beforeAll(async () => {
  const local = readFileSync(join(repositoryRoot, "infra", "local", "sluice.yaml"), "utf8");
  const tenantOf = (id: string): string => `  - id: ${id}
    ownTopics: true
    keys: [{ id: ${id}, secret: "env:TENANT_SECRET", team: ops, feature: search, user: bot }]
`;
  const tenants = `tenants:\n${tenantOf("alpha")}${tenantOf("beta")}\n`;
  const [, others = ""] = local.split(/^(?=providers:)/m);
  writeFileSync(
    declarations,
    tenants + others.replace("file:secrets/simulator-key", "env:SIMULATOR_KEY"),
  );
  const up = ["up", "--accounts", "--detach", "--free-ports", ...where];
  const { code, output } = await finished(up, environment, built);
  if (code !== 0) throw new Error(output);
  const { output: printed } = await finished(["credentials", "--json", ...where]);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the command's own output
  access = JSON.parse(printed) as StackAccess;
});

afterAll(async () => {
  await finished(["down", ...where], {}, built);
  await removeDataDir(dataDir, process.env);
  rmSync(root, { recursive: true });
  guard.dismiss();
});

function programsOf(tenant: string): TenantPrograms {
  const programs = access.tenants.find((each) => each.tenant === tenant);
  if (!programs) throw new Error(`There are no credentials for ${tenant}.`);
  return programs;
}

function connectionOf(tenant: string): KafkaConnection {
  const { name = "", password = "" } = programsOf(tenant).kafka ?? {};
  const sasl = { mechanism: "scram-sha-512", username: name, password } as const;
  return { brokers: [access.kafka.address], topicPrefix: "", clientId: tenant, sasl };
}

function clientOf(tenant: string): Promise<SluiceClient> {
  const { sasl, brokers } = connectionOf(tenant);
  const { name: username = "", password = "" } = programsOf(tenant).registry ?? {};
  return SluiceClient.connect({
    brokers,
    ...(sasl && { sasl }),
    registryUrl: access.registry.address,
    registryAccess: { basic: { username, password } },
    apiKey: `sk-sluice-${tenant}-${secret}`,
    tenant,
  });
}

test("each tenant asks with its own account, and reads its own charges", async () => {
  for (const tenant of ["alpha", "beta"]) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    await using client = await clientOf(tenant);
    // oxlint-disable-next-line no-await-in-loop -- as above
    const { requestId, attribution, completed } = await client.ask({
      messages: [{ role: "user", content: `Who is ${tenant}?` }],
    });
    expect(attribution.tenant).toBe(tenant);
    expect(completed.answer.choices[0]?.content).toBeTruthy();
    // oxlint-disable-next-line no-await-in-loop -- as above
    for await (const charge of client.costs({ from: "beginning" })) {
      expect(charge.attribution.tenant).toBe(tenant);
      if (charge.requestId === requestId) break;
    }
  }
});

/* e2e/connections asks the broker for each right of such an account. The right to read includes the right to describe. */
test("Kafka discloses nothing of the other topics to the account of a tenant", async () => {
  const shared = allTopics.flatMap(({ name, deadLetter }) =>
    deadLetter ? [name, deadLetterNameOf(name)] : [name],
  );
  const own = ["alpha", "beta"].flatMap((tenant) => [
    `inference.responded.${tenant}`,
    `cost.charged.${tenant}`,
  ]);
  const log = new KafkaTopicLog(connectionOf("alpha"));
  const described: string[] = [];
  for (const name of [...shared, ...own]) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    const extents = await log.extentsOf(name).catch(() => undefined);
    if (extents && extents.size > 0) described.push(name);
  }
  await log.close();
  // The right to write a topic includes the right to describe it.
  expect(described.toSorted()).toEqual([
    "cost.charged.alpha",
    "inference.requested",
    "inference.responded.alpha",
  ]);
});

test("the example runs with the exports of sluice credentials --env --tenant", async () => {
  const args = ["credentials", "--env", "--tenant", "alpha", ...where];
  const { code, output } = await finished(args);
  expect(code).toBe(0);
  const example = join(repositoryRoot, "examples", "kafka-typescript", "ask.ts");
  const { stdout, stderr } = spawnSync(
    "sh",
    ["-c", `${output}\nexec "$0" "$1"`, process.execPath, example],
    {
      env: { PATH: process.env["PATH"], SLUICE_API_KEY: `sk-sluice-alpha-${secret}` },
      encoding: "utf8",
    },
  );
  expect(stderr).toBe("");
  expect(stdout).toMatch(/invalid_parameter|temperature/);
});

test("credentials of a tenant without topics are refused with the remedy", async () => {
  const args = ["credentials", "--env", "--tenant", "gamma", ...where];
  const { code, output } = await finished(args);
  expect(code).not.toBe(0);
  expect(output).toMatch(/"gamma" has no topics .*alpha, beta.*ownTopics: true/);
});

test("sluice provision finds the topics of the tenants, and creates none again", async () => {
  const { code, output } = await finished(["provision", ...where], environment, built);
  expect(output).toMatch(/ 0 created, 16 schemas registered/);
  expect(code).toBe(0);
});
