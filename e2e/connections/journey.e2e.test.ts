import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SluiceClient } from "@sluice/client";
import type { CostCharged } from "@sluice/contracts";
import {
  accountOf,
  fetchBill,
  type Pipeline,
  SecuredStack,
  serviceNames,
  startPipeline,
} from "@sluice/testing";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";

const topicPrefix = "journey.";

let stack: SecuredStack;
let pipeline: Pipeline;
let client: SluiceClient;
const charges: CostCharged[] = [];

beforeAll(async () => {
  stack = await SecuredStack.start();
  await stack.provision(topicPrefix, { rightsFor: "demo" });
  pipeline = await startPipeline({
    topicPrefix,
    environment: {
      ...stack.kafkaEnvironment("admin"),
      ...stack.storeEnvironment,
      SLUICE_SIMULATOR_SPEED: "10",
      SLUICE_LOG_LEVEL: "debug",
    },
    environmentOf: (service) => stack.kafkaEnvironment(accountOf(service)),
  });
  const account = { username: "shop", password: stack.passwordOf("shop") };
  const ca = readFileSync(stack.files.ca, "utf8");
  client = await SluiceClient.connect({
    brokers: [stack.brokers],
    registryUrl: stack.registryUrl,
    registryAccess: { basic: account, ca },
    sasl: { mechanism: "scram-sha-256", ...account },
    tls: { ca },
    apiKey: pipeline.demoKey,
    topicPrefix,
  });
}, 180_000);
afterAll(async () => {
  await client?.close();
  await pipeline?.stop();
  await stack?.stop();
});

test("each service is ready with its own account, and uses TLS for all its connections", async () => {
  const answers = await Promise.all(
    serviceNames.map(async (service) => (await fetch(`${pipeline.admin(service)}/readyz`)).json()),
  );
  expect(answers).toMatchObject(serviceNames.map(() => ({ ready: true })));
});

test("requests over HTTP and Kafka are answered, also from the cache, and the ledger equals the bill", async () => {
  const openai = new OpenAI({ baseURL: `${pipeline.http}/v1`, apiKey: pipeline.demoKey });
  const messages = [{ role: "user" as const, content: "How deep is the sea?" }];
  const costs = client.costs({ from: "beginning" });

  const answer = await openai.chat.completions.create({ model: "auto", messages });
  expect(answer.choices[0]?.message.content).toMatch(/^\[simulated\]/);
  const miss = await client.ask({ messages: [{ role: "user", content: "How high is the sky?" }] });
  expect(miss.completed.cache).toBe("miss");
  const sent = await client.send({ messages, model: "premium" });
  for await (const response of client.responses({ from: "beginning" }))
    if (response.requestId === sent) break;
  await expect
    .poll(async () => (await client.ask({ messages })).completed.cache, { timeout: 30_000 })
    .toBe("exact");

  for await (const charge of costs) {
    charges.push(charge);
    if (charges.filter(({ kind }) => kind === "reported").length === 3 && hasSaving()) break;
  }
  const { totalNanoUsd } = await fetchBill(pipeline.simulator);
  const spent = charges.reduce((sum, { amountNanoUsd }) => sum + amountNanoUsd, 0n);
  expect(totalNanoUsd).toBeGreaterThan(0n);
  expect(spent).toBe(totalNanoUsd);
  const ledger = await fetch(`${pipeline.admin("cost-accountant")}/costs?by=tenant`);
  expect(await ledger.json()).toMatchObject({ total: { spendNanoUsd: String(totalNanoUsd) } });
});

function hasSaving(): boolean {
  return charges.some(({ kind }) => kind === "saving");
}

test("no log, metric, health response or process argument contains a password, token or private key", async () => {
  const privateKeys = ["server-key.pem", "client-key.pem"].map((name) =>
    readFileSync(join(stack.dataDir, name), "utf8").split("\n").at(1),
  );
  const secrets = [...stack.secrets, ...privateKeys.map(String)];
  expect(secrets.length).toBeGreaterThan(12);
  const texts = new Map<string, string>([["supervisor", pipeline.supervisorLog.join("\n")]]);
  for (const name of readdirSync(join(pipeline.dataDir, "logs")))
    texts.set(name, readFileSync(join(pipeline.dataDir, "logs", name), "utf8"));
  for (const service of serviceNames) {
    const admin = pipeline.admin(service);
    for (const path of ["/metrics", "/readyz"])
      texts.set(`${service}${path}`, await (await fetch(`${admin}${path}`)).text());
    const { pid } = pipeline.identityOf(service);
    texts.set(`${service} arguments`, argumentsOf(pid));
    expect(texts.get(`${service}.log`)).toContain('"level":"debug"');
  }
  const found = [...texts].flatMap(([name, text]) =>
    secrets.filter((secret) => text.includes(secret)).map(() => name),
  );
  expect(found).toEqual([]);
});

/** Returns a process's arguments, which every user of the machine can read; empty without /proc. */
function argumentsOf(pid: number): string {
  return process.platform === "linux" ? readFileSync(`/proc/${pid}/cmdline`, "utf8") : "";
}
