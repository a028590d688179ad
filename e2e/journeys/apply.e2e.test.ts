import { execFile } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Pipeline, serviceNames, stackAddresses, startPipeline } from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { budgetedTenants, dimeTokens, secretVariable } from "./budgeted-tenants.ts";

/* Services that follow the control topics, to which `sluice apply` publishes a file. */

const sluice = join(import.meta.dirname, "../../tools/cli/bin/sluice.mjs");
const secret = randomBytes(16).toString("hex");
const run = promisify(execFile);

let pipeline: Pipeline;
let path: string;

beforeAll(async () => {
  const environment = { [secretVariable]: secret, SLUICE_SIMULATOR_SPEED: "50" };
  pipeline = await startPipeline({
    ...{ declarations: budgetedTenants, environment },
    ...{ services: [], followsControlTopics: true },
  });
  path = join(pipeline.dataDir, "applied.yaml");
  await apply(budgetedTenants);
  // They wait for the declarations, so none of them is ready before.
  for (const name of serviceNames) await pipeline.startService(name);
}, 180_000);
afterAll(() => pipeline?.stop());

/** Publishes a file. References to files are absolute, because each service resolves them in its own folder. */
async function apply(declarations: string): Promise<string> {
  const secrets = join(pipeline.dataDir, "secrets");
  writeFileSync(path, declarations.replaceAll("file:secrets", `file:${secrets}`));
  const { brokers, registryUrl } = stackAddresses();
  const { stdout } = await run(process.execPath, [sluice, "apply", "-f", path], {
    env: {
      ...process.env,
      SLUICE_KAFKA_BROKERS: brokers.join(","),
      SLUICE_REGISTRY_URL: registryUrl,
      SLUICE_KAFKA_TOPIC_PREFIX: pipeline.topicPrefix,
    },
  });
  return stdout;
}

async function statusOf(key: string, model = "dime"): Promise<number> {
  const response = await fetch(`${pipeline.http}/v1/chat/completions`, {
    method: "POST",
    headers: {
      authorization: `Bearer sk-sluice-${key}-${secret}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({
      model,
      max_tokens: dimeTokens,
      messages: [{ role: "user", content: randomUUID() }],
    }),
  });
  await response.arrayBuffer();
  return response.status;
}

test("a running pipeline adopts a revoked key, a lowered budget and a new model within two seconds", async () => {
  expect([
    await statusOf("ofkey"),
    await statusOf("ofteam"),
    await statusOf("plain", "fresh"),
  ]).toEqual([200, 200, 404]);
  const changed = budgetedTenants
    .replace("id: ofkey,", "id: ofkey, revoked: true,")
    .replace(
      "{ id: team, tenant: parts, limitUsd: 5,",
      "{ id: team, tenant: parts, limitUsd: 0.01,",
    )
    .replace("- id: dime-tier", "- id: fresh");
  const shown = await apply(changed);
  for (const change of ["~ keys/ofkey", "~ budgets/team", "+ models/fresh", "- models/dime-tier"])
    expect(shown).toContain(change);
  const within = { timeout: 2_000, interval: 50 };
  await expect.poll(() => statusOf("ofkey"), within).toBe(401);
  await expect.poll(() => statusOf("ofteam"), within).toBe(402);
  await expect.poll(() => statusOf("plain", "fresh"), within).toBe(200);
  await expect.poll(() => statusOf("plain", "dime-tier"), within).toBe(404);
}, 60_000);
