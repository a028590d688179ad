import type { InferenceResponded } from "@sluice/contracts";
import { attemptIdOf, noUsage } from "@sluice/domain";
import { newReaderId, refusedOutcome } from "@sluice/request-state";
import { deliveryOf } from "@sluice/stage";
import { describe, expect, test } from "vitest";
import { answerOf, type Scripted } from "../providers/in-memory-provider.ts";
import type { ProviderEnd } from "../providers/provider.ts";
import { reportedUsageOf } from "../providers/openai/answer/usage.ts";
import { newTestStage } from "./attempt.stage.fixture.ts";
import {
  aCandidate,
  aDispatched,
  admittedAt,
  type DispatchedChanges,
  large,
} from "./dispatched.fixture.ts";
import { answered, emittedIn, meteredIn, outcomeIn, refused } from "./effects.fixture.ts";

const live: DispatchedChanges = { admitted: { reply: "live" } };

describe("a request that is answered", () => {
  test("is begun and published without reading its record, which is empty at first", async () => {
    const { handle, attempts } = await newTestStage(() => answered);
    expect(outcomeIn(await handle())).toMatchObject({ outcome: "completed" });
    expect(attempts.reads).toBe(0);
  });

  test("is read from its record on a redelivery, which publishes the same again", async () => {
    const { handle, attempts, provider } = await newTestStage(() => answered);
    const first = await handle();
    expect(await handle()).toEqual(first);
    expect(attempts.reads).toBe(1);
    expect(provider.calls).toHaveLength(1);
  });

  test("publishes its intent before the call, and its usage and outcome after it", async () => {
    const { handle, producer, provider } = await newTestStage(() => answered);
    const effect = await handle();
    const attemptId = attemptIdOf("acme", "r-1", admittedAt, 1);
    expect(producer.records.map(({ topic }) => topic.name)).toEqual(["inference.attempted"]);
    expect(producer.records[0]?.record).toMatchObject({
      attemptId,
      variant: "small",
      attemptNumber: 1,
    });
    expect(provider.calls[0]).toMatchObject({ attemptId });
    expect(meteredIn(effect)).toMatchObject([
      {
        attemptId,
        kind: "reported",
        reason: "answered",
        usage: { inputTokens: 10n, outputTokens: 2n },
      },
    ]);
    expect(outcomeIn(effect)).toMatchObject({
      outcome: "completed",
      attempts: 1,
      completed: { attemptId, variant: "small", costNanoUsd: 2_700n, cache: "miss" },
    });
  });

  test("is published from the record by a redelivery, which calls no provider", async () => {
    const { handle, provider, producer } = await newTestStage(() => answered);
    const first = await handle();
    expect(await handle()).toEqual(first);
    expect(provider.calls).toHaveLength(1);
    expect(producer.sent).toHaveLength(1);
  });

  test("without usage is metered as an estimate that names the estimated figures", async () => {
    const { handle } = await newTestStage(() => ({ ...answered, usage: null }));
    const effect = await handle();
    expect(meteredIn(effect)).toMatchObject([
      { kind: "estimated", estimatedFigures: ["inputTokens", "outputTokens"], raw: null },
    ]);
  });

  test("is noted as published only after its outcome is", async () => {
    const { handle, stage, ref, requests } = await newTestStage(() => answered);
    const effect = await handle();
    if (effect.kind === "wait") throw new Error(effect.reason);
    expect(requests.find(ref)?.answerExpiresAt).toBeNull();
    await stage.settled(deliveryOf(aDispatched()), effect);
    expect(requests.find(ref)).toMatchObject({
      ...{ answerExpiresAt: expect.any(Number), attempts: new Map() },
    });
  });
});

describe("a request for embeddings", () => {
  const changes = { inputs: ["a", "b"], candidates: [aCandidate()] };

  test("is answered and metered like any other request, with no output tokens", async () => {
    const { handle } = await newTestStage(() => ({ kind: "answer", tokens: [] }), changes);
    const effect = await handle();
    const usage = { inputTokens: 10n, outputTokens: 0n };
    expect(meteredIn(effect)).toMatchObject([{ kind: "reported", reason: "answered", usage }]);
    expect(outcomeIn(effect)?.completed?.answer.embeddings).toHaveLength(2);
  });

  test("fails after one call if the answer cannot be used, and is metered in full", async () => {
    const usage = reportedUsageOf({ prompt_tokens: 12 });
    const { handle, provider } = await newTestStage(
      () => ({ kind: "end", end: { kind: "unusable", code: "answer_too_large", usage } }),
      changes,
    );
    const effect = await handle();
    expect(provider.calls).toHaveLength(1);
    expect(meteredIn(effect)).toMatchObject([{ kind: "reported", usage: { inputTokens: 12n } }]);
    const reason = expect.stringContaining("fewer inputs");
    expect(outcomeIn(effect)).toMatchObject({ refused: { code: "provider_failed", reason } });
  });
});

describe("a provider that refuses", () => {
  test("is metered as a reported zero, and the next candidate is called", async () => {
    const { handle, provider } = await newTestStage((nth) =>
      nth === 1 ? { kind: "end", end: refused } : answered,
    );
    const effect = await handle();
    expect(provider.calls.map(({ body }) => body["model"])).toEqual([
      "sim-economy",
      "sim-standard",
    ]);
    expect(meteredIn(effect)).toMatchObject([
      { attemptNumber: 1, kind: "reported", reason: "refused", usage: noUsage },
      { attemptNumber: 2, kind: "reported", reason: "answered", variant: "large" },
    ]);
    expect(outcomeIn(effect)).toMatchObject({ attempts: 2, completed: { variant: "large" } });
  });

  test("is called again after it has rested if there is no other candidate", async () => {
    const { handle, clock, provider } = await newTestStage(
      (nth) => (nth === 1 ? { kind: "end", end: { ...refused, retryAfterMs: 2_000 } } : answered),
      { candidates: [aCandidate()] },
    );
    expect(await handle()).toMatchObject({ kind: "wait", waitMs: 2_000 });
    clock.at += 2_000;
    expect(outcomeIn(await handle())).toMatchObject({ outcome: "completed", attempts: 2 });
    expect(provider.calls).toHaveLength(2);
  });

  test("ends the request after four refused attempts", async () => {
    const { handle, clock, provider } = await newTestStage(() => ({ kind: "end", end: refused }), {
      candidates: [aCandidate()],
    });
    let effect = await handle();
    while (effect.kind === "wait") {
      clock.at += effect.waitMs;
      effect = await handle();
    }
    expect(provider.calls).toHaveLength(4);
    expect(outcomeIn(effect)).toMatchObject({
      refused: { code: "provider_rate_limited" },
      attempts: 4,
    });
    expect(meteredIn(effect)).toHaveLength(4);
  });
});

test("a page of a proxy in place of an answer costs nothing, and an empty answer its input", async () => {
  const unusable = (code: "answer_unreadable" | "answer_empty") =>
    newTestStage(() => ({ kind: "end", end: { kind: "unusable", code, usage: null } }), {
      candidates: [aCandidate()],
    });
  const page = await (await unusable("answer_unreadable")).handle();
  expect(meteredIn(page)).toMatchObject([{ reason: "refused", usage: noUsage }]);
  const empty = await (await unusable("answer_empty")).handle();
  expect(meteredIn(empty)).toMatchObject([
    { reason: "answered", kind: "estimated", usage: { outputTokens: 0n } },
  ]);
});

describe("a call that is lost", () => {
  const lost: Scripted = { kind: "end", end: { kind: "lost", code: "timed_out" } };

  test("is not metered but left to the sweep, and the next candidate is called", async () => {
    const { handle } = await newTestStage((nth) => (nth === 1 ? lost : answered));
    const effect = await handle();
    expect(meteredIn(effect)).toMatchObject([{ attemptNumber: 2, variant: large.variant }]);
    expect(outcomeIn(effect)).toMatchObject({ attempts: 2 });
  });

  test("ends the request if its policy on doubt is to fail", async () => {
    const { handle, provider } = await newTestStage(() => lost, { onDoubt: "fail" });
    expect(outcomeIn(await handle())).toMatchObject({ refused: { code: "in_doubt" } });
    expect(provider.calls).toHaveLength(1);
  });
});

describe("a stream", () => {
  test("is written to the reply stream before the outcome", async () => {
    const { handle, requests, ref } = await newTestStage(() => answered, live);
    await handle();
    expect(
      requests
        .find(ref)
        ?.tokens.map(({ payload }) => payload)
        .join(),
    ).toContain(" two.");
  });

  test("that breaks off is metered as an estimate and ends the request without another call", async () => {
    const { handle, provider } = await newTestStage(
      () => ({
        kind: "end",
        end: { kind: "cut", code: "connection_lost", answer: answerOf(["One"], ""), usage: null },
        tokens: ["One"],
      }),
      live,
    );
    const effect = await handle();
    expect(meteredIn(effect)).toMatchObject([{ kind: "estimated", reason: "cut" }]);
    expect(outcomeIn(effect)).toMatchObject({
      outcome: "failed",
      refused: { code: "stream_interrupted" },
    });
    expect(provider.calls).toHaveLength(1);
  });

  test("that breaks off after the provider reported its usage is metered as reported", async () => {
    const usage = { prompt_tokens: 1_200, completion_tokens: 805 };
    const end: ProviderEnd = {
      kind: "cut",
      code: "connection_lost",
      answer: answerOf(["One"], ""),
      usage: reportedUsageOf(usage),
    };
    const { handle } = await newTestStage(() => ({ kind: "end", end, tokens: ["One"] }), live);
    expect(meteredIn(await handle())).toMatchObject([
      {
        ...{ kind: "reported", reason: "cut", raw: JSON.stringify(usage) },
        usage: { inputTokens: 1_200n, outputTokens: 805n },
      },
    ]);
  });

  test("whose client has left is ended while the provider is silent, and what arrived is metered", async () => {
    const { handle, replies, ref } = await newTestStage(
      () => ({ kind: "hang", tokens: ["One"] }),
      live,
    );
    setTimeout(() => void replies.cancel(ref, newReaderId()), 20);
    const effect = await handle();
    expect(meteredIn(effect)).toMatchObject([{ kind: "estimated", reason: "cut" }]);
    expect(outcomeIn(effect)).toMatchObject({ refused: { code: "client_closed" } });
  });
});

describe("a stream of a model that hides its reasoning", () => {
  const hiding = { hidesReasoning: true };
  const usage = {
    ...{ prompt_tokens: 10, completion_tokens: 20_000 },
    completion_tokens_details: { reasoning_tokens: 19_990 },
  };

  test("is read to its usage although its client has left, and nothing more is kept for a reader", async () => {
    const { handle, attempts, replies, ref, provider } = await newTestStage(
      () => ({
        ...{ kind: "answer", tokens: ["One"], lastTokens: [" two"], usage },
        meanwhile: async () => {
          await replies.cancel(ref, newReaderId());
          await new Promise((resolve) => setTimeout(resolve, 60));
          expect(provider.calls[0]?.signal.aborted).toBe(false);
        },
      }),
      live,
      hiding,
    );
    expect(meteredIn(await handle())).toMatchObject([
      { kind: "reported", usage: { outputTokens: 10n, reasoningTokens: 19_990n } },
    ]);
    expect(attempts.appends).toBe(1);
  });

  test("is ended by its deadline, and left to the sweep, which estimates the most that it can be", async () => {
    const { handle } = await newTestStage(
      () => ({ kind: "hang", tokens: ["One"] }),
      { ...live, admitted: { ...live.admitted, deadlineAt: admittedAt + 80 } },
      hiding,
    );
    const effect = await handle();
    expect(meteredIn(effect)).toEqual([]);
  });

  test("that breaks off after its usage is metered by it", async () => {
    const end: ProviderEnd = {
      ...{ kind: "cut", code: "connection_lost", answer: answerOf(["One"], "") },
      usage: reportedUsageOf(usage),
    };
    const { handle } = await newTestStage(
      () => ({ kind: "end", end, tokens: ["One"] }),
      live,
      hiding,
    );
    expect(meteredIn(await handle())).toMatchObject([{ kind: "reported" }]);
  });

  test("that breaks off after the usage of its prompt alone is left to the sweep too", async () => {
    const prompt = { inputTokens: 1_000n, outputTokens: null, reasoningTokens: null };
    const end: ProviderEnd = {
      ...{ kind: "cut", code: "connection_lost", answer: answerOf(["One"], "") },
      usage: { usage: { ...noUsage, ...prompt }, raw: null },
    };
    const { handle } = await newTestStage(
      () => ({ kind: "end", end, tokens: ["One"] }),
      live,
      hiding,
    );
    expect(meteredIn(await handle())).toEqual([]);
  });

  test("is not begun if its client has left before", async () => {
    const { handle, replies, ref, provider } = await newTestStage(() => answered, live, hiding);
    await replies.cancel(ref, newReaderId());
    await handle();
    expect(provider.calls).toEqual([]);
  });
});

describe("a request that another stage ended during the call, and whose answer has expired", () => {
  test("publishes the usage of the call, which only the record holds, and no outcome", async () => {
    const { handle, outcomes, requests, ref } = await newTestStage(() => ({
      ...answered,
      meanwhile: async () => {
        await outcomes.claim([aDecline()], "abandoned");
        requests.forgetAnswer(ref);
      },
    }));
    const effect = await handle();
    expect(emittedIn(effect)).toHaveLength(1);
    expect(meteredIn(effect)).toMatchObject([{ kind: "reported", attemptNumber: 1 }]);
  });
});

function aDecline(): InferenceResponded {
  return refusedOutcome(aDispatched().admitted, {
    ...{ kind: "declined", code: "shed", reason: "No.", attempts: 0, lookup: null },
    ...{ decisions: [], completedAt: admittedAt },
  });
}

describe("the deadline", () => {
  test("ends a running call, whose usage is left to the sweep", async () => {
    const { handle, clock } = await newTestStage(() => ({ kind: "hang" }), {
      admitted: { deadlineAt: admittedAt + 80 },
    });
    setTimeout(() => (clock.at += 30), 10);
    const effect = await handle();
    expect(meteredIn(effect)).toEqual([]);
    expect(outcomeIn(effect)).toMatchObject({
      outcome: "failed",
      refused: { code: "deadline_exceeded" },
    });
  });

  test("declines the request without a call if it has passed already", async () => {
    const { handle, clock, provider } = await newTestStage(() => answered);
    clock.at = admittedAt + 120_000;
    expect(outcomeIn(await handle())).toMatchObject({ outcome: "declined", attempts: 0 });
    expect(provider.calls).toEqual([]);
  });
});
