import { randomBytes, randomUUID } from "node:crypto";
import { type CostCharged, defaultRequirements, topics } from "@sluice/contracts";
import {
  distinct,
  KafkaUser,
  type Pipeline,
  stackAddresses,
  startPipeline,
  type TopicReader,
} from "@sluice/testing";
import { aRequest } from "@sluice/testing/fixtures";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { nanoUsdOf } from "../load/usd.ts";
import { budgetedBy, budgetedTenants, dimeTokens, secretVariable } from "./budgeted-tenants.ts";

/* Budgets through the running pipeline, with two dispatchers and two adapters. */

const secret = randomBytes(16).toString("hex");
const covered = 50;
/** As many clients as wait at a time. */
const clients = 200;

let pipeline: Pipeline;
let user: KafkaUser;
let charged: TopicReader<CostCharged>;

beforeAll(async () => {
  pipeline = await startPipeline({
    declarations: budgetedTenants,
    environment: { [secretVariable]: secret, SLUICE_SIMULATOR_SPEED: "50" },
  });
  await Promise.all([pipeline.startExtra("dispatcher"), pipeline.startExtra("inference-adapter")]);
  const { brokers, registryUrl } = stackAddresses();
  const { topicPrefix } = pipeline;
  user = new KafkaUser({ brokers, topicPrefix, registryUrl, apiKey: apiKeyOf("plain") });
  charged = await user.read(topics.costCharged);
  // One request, so that the budgets are open before the accountant stops.
  await clientOf("plain").chat.completions.create(chat("dime"));
}, 120_000);
afterAll(async () => {
  await user?.close();
  await pipeline?.stop();
});

function apiKeyOf(key: string): string {
  return `sk-sluice-${key}-${secret}`;
}

/** A client that repeats a request which the edge had no place for. */
function clientOf(key: string): OpenAI {
  return new OpenAI({ baseURL: `${pipeline.http}/v1`, apiKey: apiKeyOf(key), maxRetries: 20 });
}

function chat(model: string, max_tokens = dimeTokens) {
  return { model, max_tokens, messages: [{ role: "user" as const, content: randomUUID() }] };
}

interface ListedBudget {
  readonly id: string;
  readonly scope: string;
  readonly limit_usd: string;
  readonly spent_usd: string;
  readonly reserved_usd: string;
  readonly allowance_usd: string;
  readonly resets_at: string | null;
}

async function budgetsOf(key: string, run?: string): Promise<readonly ListedBudget[]> {
  const headers = { authorization: `Bearer ${apiKeyOf(key)}`, ...(run && { "x-sluice-run": run }) };
  const response = await fetch(`${pipeline.http}/v1/budgets`, { headers });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the documented form
  const { data } = (await response.json()) as { readonly data: readonly ListedBudget[] };
  return data;
}

/** Sends requests, some at a time. Returns how many ended with each status, and the last error. */
async function sendAll(count: number, send: () => Promise<unknown>) {
  const statuses = new Map<number, number>();
  let error: InstanceType<typeof OpenAI.APIError> | undefined;
  const note = (status: number) => statuses.set(status, (statuses.get(status) ?? 0) + 1);
  let sent = 0;
  const client = async () => {
    while (sent < count) {
      sent += 1;
      try {
        // oxlint-disable-next-line no-await-in-loop -- one request of a client after the other
        await send();
        note(200);
      } catch (cause) {
        if (!(cause instanceof OpenAI.APIError)) throw cause;
        error = cause;
        note(cause.status ?? 0);
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return { statuses: Object.fromEntries(statuses), error };
}

/** Runs with settlements held back, and then lets the accountant settle everything. */
async function whileNothingIsSettled(run: () => Promise<void>): Promise<void> {
  await pipeline.stopService("cost-accountant");
  try {
    await run();
  } finally {
    await pipeline.startService("cost-accountant");
  }
}

async function untilSettled(key: string, id: string, run?: string): Promise<ListedBudget> {
  const budget = async () => (await budgetsOf(key, run)).find((each) => each.id === id);
  await expect
    .poll(async () => (await budget())?.reserved_usd, { timeout: 30_000, interval: 200 })
    .toBe("0.00");
  return (await budget())!;
}

/** What the ledger has charged for the attempts that count in a budget. */
function ledgerOf(budget: string): bigint {
  return distinct(charged.records)
    .filter(({ windows }) => windows.some((window) => window.budget === budget))
    .reduce((sum, { amountNanoUsd }) => sum + amountNanoUsd, 0n);
}

/** Waits until cost.charged, which is published after settling, has what is spent. */
async function untilLedgerHas(id: string, { spent_usd: spent }: ListedBudget): Promise<void> {
  await expect.poll(() => ledgerOf(id), { timeout: 30_000 }).toBe(nanoUsdOf(spent));
}

test("while nothing is settled, a budget of five dollars admits exactly fifty requests that may cost ten cents, whatever it selects by", async () => {
  await whileNothingIsSettled(async () => {
    for (const [id, selected] of Object.entries(budgetedBy)) {
      const openai = clientOf(selected.key);
      const run = "run" in selected ? selected.run : undefined;
      const headers = run === undefined ? {} : { "x-sluice-run": run };
      const send = () => openai.chat.completions.create(chat(selected.model), { headers });
      const count = id === "tenant" ? 1_000 : 200;
      // oxlint-disable-next-line no-await-in-loop -- one budget after the other
      const { statuses, error } = await sendAll(count, send);
      expect([id, statuses]).toEqual([id, { 200: covered, 402: count - covered }]);
      expect(error).toMatchObject({ status: 402, code: "budget_exceeded" });
      expect(error?.headers?.get("x-sluice-budget")).toBe(id);
      expect(error?.headers?.get("x-sluice-budget-resets-at")).toMatch(/T.*Z$/);
      // oxlint-disable-next-line no-await-in-loop -- as above
      const budget = (await budgetsOf(selected.key, run)).find((each) => each.id === id);
      expect(budget).toMatchObject({ reserved_usd: "5.00", allowance_usd: "0.00" });
    }
  });
  for (const [id, selected] of Object.entries(budgetedBy)) {
    const run = "run" in selected ? selected.run : undefined;
    // oxlint-disable-next-line no-await-in-loop -- one budget after the other
    const budget = await untilSettled(selected.key, id, run);
    // oxlint-disable-next-line no-await-in-loop -- as above
    await untilLedgerHas(id, budget);
    expect(ledgerOf(id)).toBeGreaterThan(0n);
  }
}, 300_000);

test("a budget per user has the whole limit for each of them", async () => {
  await whileNothingIsSettled(async () => {
    for (const name of ["ann", "bob"]) {
      const openai = clientOf(name);
      // oxlint-disable-next-line no-await-in-loop -- one user after the other
      const { statuses } = await sendAll(30, () => openai.chat.completions.create(chat("dime")));
      expect([name, statuses]).toEqual([name, { 200: 10, 402: 20 }]);
    }
  });
  const [ofAnn, ...others] = await budgetsOf("ann");
  expect(ofAnn).toMatchObject({ id: "each", scope: "user=ann" });
  // Her requests count against a model and a provider too, and against no other user.
  expect(others.map(({ id }) => id)).toEqual(["model", "provider"]);
}, 120_000);

test("what is settled can be reserved again, until the limit is spent", async () => {
  const before = nanoUsdOf((await untilSettled("ofteam", "team")).spent_usd);
  const openai = clientOf("ofteam");
  await openai.chat.completions.create(chat("dime"));
  const after = await untilSettled("ofteam", "team");
  expect(nanoUsdOf(after.spent_usd)).toBeGreaterThan(before);
  await untilLedgerHas("team", after);
});

test("a budget that covers no whole answer gives a shorter one if the client set no limit, and declines otherwise", async () => {
  const openai = clientOf("tight");
  const { max_tokens: _limit, ...unlimited } = chat("dime");
  await expect(
    openai.chat.completions.create({ ...unlimited, max_tokens: 1_024 }),
  ).rejects.toMatchObject({ status: 402, code: "budget_exceeded" });
  // 1,024 tokens are the preset of the tier. An eighth of them costs 12.8 cents at most.
  const { usage } = await openai.chat.completions.create(unlimited);
  expect(usage?.completion_tokens).toBeLessThanOrEqual(128);
});

test("over Kafka, the outcome names the budget and when it resets", async () => {
  const responses = await user.read(topics.inferenceResponded);
  const request = aRequest({
    requestId: randomUUID(),
    model: "dime-model",
    parameters: JSON.stringify({ max_tokens: 10_000 }),
    requirements: { ...defaultRequirements },
  });
  const value = await user.encode(topics.inferenceRequested, request);
  await user.send(value, user.signatureOf(value), request.requestId);
  const [outcome] = await responses.until(({ requestId }) => requestId === request.requestId);
  expect(outcome).toMatchObject({
    outcome: "declined",
    refused: { code: "budget_exceeded", budget: "model", resetsAt: expect.any(Number) },
  });
  await responses.close();
});
