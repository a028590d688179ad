import { type CostMetered, type InferenceResponded, type Topic, topics } from "@sluice/contracts";
import { attemptIdOf, noUsage, TransientFault } from "@sluice/domain";
import {
  deliveryOf,
  type Effect,
  isDeadLetter,
  type Deferral,
  type Publishable,
} from "@sluice/stage";
import { newReaderId, refusedOutcome } from "@sluice/request-state";
import { describe, expect, test } from "vitest";
import {
  aCandidate,
  aDispatched,
  admittedAt,
  type DispatchedChanges,
  large,
} from "./dispatched.fixture.ts";
import { answerOf, type Scripted } from "../providers/in-memory-provider.ts";
import { reportedUsageOf } from "../providers/openai/usage.ts";
import { newTestStage } from "./attempt.stage.fixture.ts";

const refused = { kind: "refused", status: 429, retryAfterMs: null, code: "rate_limited" } as const;
const answered: Scripted = { kind: "answer", tokens: ["One", " two."] };

function recordsOf<R>(messages: readonly Publishable[], topic: Topic<R>): readonly R[] {
  return messages.flatMap((message) =>
    !isDeadLetter(message) && message.topic.name === topic.name
      ? // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the topic's type says so
        [message.record as R]
      : [],
  );
}

function emittedIn(effect: Effect | Deferral): readonly Publishable[] {
  if (effect.kind !== "emit") throw new Error(`The effect is ${effect.kind}, not emit.`);
  return effect.messages;
}

function meteredIn(effect: Effect | Deferral): readonly CostMetered[] {
  return recordsOf(emittedIn(effect), topics.costMetered);
}

function outcomeIn(effect: Effect | Deferral): InferenceResponded | undefined {
  return recordsOf(emittedIn(effect), topics.inferenceResponded)[0];
}

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
    expect(outcomeIn(effect)).toMatchObject({ refused: { code: "provider_failed" }, attempts: 4 });
    expect(meteredIn(effect)).toHaveLength(4);
  });
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
  const live: DispatchedChanges = { admitted: { reply: "live" } };

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
        end: { kind: "cut", code: "connection_lost", answer: answerOf(["One"], "") },
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

describe("after a crash", () => {
  test("an attempt that was held is made again under the same id", async () => {
    const { handle, attempts, ref, clock, provider } = await newTestStage(() => answered);
    await attempts.claim(ref, 1, "dead", 1_000);
    expect(await handle()).toMatchObject({ kind: "wait", waitMs: 1_000 });
    clock.at += 1_000;
    expect(outcomeIn(await handle())).toMatchObject({ outcome: "completed", attempts: 1 });
    expect(provider.calls[0]?.attemptId).toBe(attemptIdOf("acme", "r-1", admittedAt, 1));
  });

  test("an attempt that was held is closed by a zero if the deadline has passed", async () => {
    const { handle, attempts, ref, clock } = await newTestStage(() => answered);
    await attempts.claim(ref, 1, "dead", 1_000);
    clock.at = admittedAt + 120_000;
    const effect = await handle();
    expect(meteredIn(effect)).toMatchObject([
      { attemptNumber: 1, reason: "released", kind: "reported", usage: noUsage },
    ]);
    expect(outcomeIn(effect)).toMatchObject({ outcome: "declined", attempts: 0 });
  });

  test("an attempt that was calling is left to the sweep, and a second attempt is made", async () => {
    const { handle, attempts, ref, clock } = await newTestStage(() => answered);
    const claim = await attempts.claim(ref, 1, "dead", 1_000);
    if (claim.kind === "held") await attempts.calling(ref, 1, claim.fence, 1_000);
    clock.at += 1_000;
    const effect = await handle();
    expect(meteredIn(effect)).toMatchObject([{ attemptNumber: 2, reason: "answered" }]);
    expect(outcomeIn(effect)).toMatchObject({ outcome: "completed", attempts: 2 });
  });
});

describe("when the process cannot finish an attempt", () => {
  test("no provider is called while Kafka is unavailable", async () => {
    const { handle, producer, provider } = await newTestStage(() => answered);
    producer.fault = new TransientFault("STAGE_BROKER_UNAVAILABLE", "Kafka is unavailable.");
    await expect(handle()).rejects.toMatchObject({ code: "STAGE_BROKER_UNAVAILABLE" });
    expect(provider.calls).toEqual([]);
  });

  test("an intent that failed is sent again without waiting for the lease", async () => {
    const { handle, producer, provider } = await newTestStage(() => answered);
    producer.fault = new TransientFault("STAGE_BROKER_UNAVAILABLE", "Kafka is unavailable.");
    await expect(handle()).rejects.toMatchObject({ code: "STAGE_BROKER_UNAVAILABLE" });
    producer.fault = undefined;
    expect(outcomeIn(await handle())).toMatchObject({ outcome: "completed", attempts: 1 });
    expect(provider.calls).toHaveLength(1);
  });

  test("a claim that was stored without a reply does not make the request wait for its lease", async () => {
    const { handle, attempts, provider } = await newTestStage(() => answered);
    attempts.isReplyLost = true;
    await expect(handle()).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
    expect(outcomeIn(await handle())).toMatchObject({ outcome: "completed", attempts: 1 });
    expect(provider.calls).toHaveLength(1);
  });

  test("a call that the end of the process aborts is recorded at once, with what it has brought", async () => {
    const whole = await newTestStage(() => ({ kind: "hang" }));
    setTimeout(() => whole.stopping.abort(), 20);
    expect(await whole.handle()).toMatchObject({ kind: "wait" });
    expect((await whole.attempts.history(whole.ref)).attempts).toMatchObject([
      { phase: "failed", metered: null },
    ]);
    const live = await newTestStage(() => ({ kind: "hang", tokens: ["One", " two"] }), {
      admitted: { reply: "live" },
    });
    setTimeout(() => live.stopping.abort(), 60);
    expect(await live.handle()).toMatchObject({ kind: "wait" });
    expect((await live.attempts.history(live.ref)).attempts).toMatchObject([
      { phase: "failed", metered: { kind: "estimated", reason: "cut" } },
    ]);
  });

  test("an owner that was fenced does not write the record, but publishes the usage of its attempt", async () => {
    const takenOver = async (): Promise<void> => {
      own.clock.at += 20_000;
      await own.attempts.claim(own.ref, 1, "adapter-b", 10_000);
    };
    const own = await newTestStage((nth) =>
      nth === 1 ? { ...answered, meanwhile: takenOver } : answered,
    );
    const { handle, producer, attempts, ref } = own;
    await handle();
    expect(recordsOf(producer.sent, topics.costMetered)).toMatchObject([{ attemptNumber: 1 }]);
    expect((await attempts.history(ref)).attempts[0]).toMatchObject({
      phase: "doubt",
      metered: null,
    });
    expect(recordsOf(producer.sent, topics.inferenceAttempted)).toMatchObject([
      { attemptNumber: 1 },
      { attemptNumber: 2 },
    ]);
  });
});
