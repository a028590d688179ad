import type { BudgetWindow, CostMetered, InferenceAttempted } from "@sluice/contracts";
import { topics } from "@sluice/contracts";
import { describe, expect, test } from "vitest";
import type { Scripted } from "../providers/in-memory-provider.ts";
import { newTestStage } from "./attempt.stage.fixture.ts";
import { aCandidate, large } from "./dispatched.fixture.ts";
import { answered, outcomeIn, recordsOf, refused } from "./effects.fixture.ts";

const team: BudgetWindow = {
  ...{ budget: "team", scope: "", opensAt: null, closesAt: null },
  ...{ limitNanoUsd: 1_500_000n, hard: true, version: 0n },
};
const premium: BudgetWindow = { ...team, budget: "premium", limitNanoUsd: 10n };
/** Costs 1,000,000 nano-USD at most, as both candidates do. */
const small = aCandidate({ windows: [0] });

async function stageWith(
  script: (nth: number) => Scripted,
  candidates = [small],
  windows = [team, premium],
) {
  const stage = await newTestStage(script, { candidates, windows });
  const reserved = async (window: BudgetWindow = team) =>
    (await stage.requests.budgets.read("acme", [window]))[0]!.reservedNanoUsd;
  const intents = () =>
    recordsOf<InferenceAttempted>(stage.producer.records, topics.inferenceAttempted);
  return { ...stage, reserved, intents };
}

describe("an attempt in a budget", () => {
  test("reserves its worst case in the windows of its candidate, and its intent has them", async () => {
    const { handle, reserved, intents } = await stageWith(() => answered);
    await handle();
    expect([await reserved(), await reserved(premium)]).toEqual([1_000_000n, 0n]);
    expect(intents()).toMatchObject([{ windows: [team], worstCaseNanoUsd: 1_000_000n }]);
  });

  test("that a budget refuses is not announced and not made; the request is declined with the budget", async () => {
    const { handle, intents, provider, requests } = await stageWith(() => answered);
    const option = { candidate: { variant: "other", worstCaseNanoUsd: 600_000n }, windows: [team] };
    requests.budgets.claim({ tenant: "acme", attemptId: "x", dispatchedId: "x", option });
    expect(outcomeIn(await handle())).toMatchObject({
      outcome: "declined",
      refused: { code: "budget_exceeded", budget: "team", resetsAt: null },
    });
    expect([intents(), provider.calls]).toEqual([[], []]);
  });

  test("that a budget of one candidate refuses is made at the next one", async () => {
    const candidates = [aCandidate({ ...small, windows: [0, 1] }), { ...large, windows: [0] }];
    const { handle, intents } = await stageWith(() => answered, candidates);
    await handle();
    expect(intents()).toMatchObject([{ variant: "large", windows: [team] }]);
  });

  test("after a refused call takes over the amount, because the call cost nothing", async () => {
    const candidates = [small, { ...large, windows: [0] }];
    const script = (nth: number): Scripted =>
      nth === 1 ? { kind: "end", end: refused } : answered;
    const { handle, reserved } = await stageWith(script, candidates);
    expect(outcomeIn(await handle())).toMatchObject({ outcome: "completed", attempts: 2 });
    expect(await reserved()).toBe(1_000_000n);
  });

  test("after a call that may be billed needs an amount of its own, and fails the request without it", async () => {
    const lost: Scripted = { kind: "end", end: { kind: "lost", code: "timed_out" } };
    const { handle, reserved, provider, clock } = await stageWith(() => lost);
    expect(await handle()).toMatchObject({ kind: "wait" });
    clock.at += 10_000;
    expect(outcomeIn(await handle())).toMatchObject({
      outcome: "failed",
      attempts: 1,
      refused: { code: "budget_exceeded", budget: "team" },
    });
    expect(provider.calls).toHaveLength(1);
    expect(await reserved()).toBe(1_000_000n);
  });

  test("waits while the budgets are rebuilt", async () => {
    const { handle, provider, requests } = await stageWith(() => answered);
    await requests.budgets.begin("acme");
    await expect(handle()).rejects.toMatchObject({ code: "BUDGETS_REBUILDING" });
    expect(provider.calls).toEqual([]);
  });
});

test("a request that was admitted before a loss is attempted under a new number, and its outcome says so", async () => {
  const { handle, intents, requests, clock } = await newTestStageAfterLoss();
  const outcome = outcomeIn(await handle());
  expect(intents()).toMatchObject([{ attemptNumber: 5 }]);
  expect(outcome?.decisions.at(-1)?.reasons).toContainEqual(
    expect.stringContaining("Redis has lost its data"),
  );
  expect(requests.budgets.epochAfter("acme", clock.now() + 1)).toBe(0);
});

test("an attempt that was claimed before a rebuild is claimed and announced again, and called once", async () => {
  const { handle, producer, requests, intents, provider, reserved } = await stageWith(
    () => answered,
  );
  const send = producer.send.bind(producer);
  let isRebuilt = false;
  producer.send = async (messages) => {
    await send(messages);
    if (isRebuilt) return;
    isRebuilt = true;
    // The rebuild did not see the intent, so that nothing is reserved after it.
    const token = await requests.budgets.begin("acme");
    const snapshot = { settled: new Map<number, bigint>(), spent: [], open: [] };
    await requests.budgets.restore(token, { tenant: "acme", epoch: 1, ...snapshot });
  };
  expect(outcomeIn(await handle())).toMatchObject({ outcome: "completed" });
  expect(intents().map(({ attemptNumber }) => attemptNumber)).toEqual([1, 1]);
  expect(provider.calls).toHaveLength(1);
  expect(await reserved()).toBe(1_000_000n);
});

test("an intent of an attempt that Redis lost before the call is closed as one that was never called", async () => {
  const { handle, producer, requests, ref, provider } = await stageWith(() => answered);
  const send = producer.send.bind(producer);
  let isLost = false;
  producer.send = async (messages) => {
    await send(messages);
    // Between the intent and the call.
    if (!isLost) requests.forget(ref);
    isLost = true;
  };
  await handle();
  const [closed] = recordsOf<CostMetered>(producer.records, topics.costMetered);
  expect(closed).toMatchObject({ attemptNumber: 1, kind: "reported", reason: "released" });
  expect(provider.calls).toHaveLength(1);
});

async function newTestStageAfterLoss() {
  const stage = await stageWith(() => answered);
  const token = await stage.requests.budgets.begin("acme");
  stage.clock.at += 1;
  const snapshot = { settled: new Map<number, bigint>(), spent: [], open: [] };
  await stage.requests.budgets.restore(token, { tenant: "acme", epoch: 1, ...snapshot });
  return stage;
}
