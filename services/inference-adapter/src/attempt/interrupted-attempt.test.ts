import { topics } from "@sluice/contracts";
import { attemptIdOf, noUsage, TransientFault } from "@sluice/domain";
import type { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { newTestStage } from "./attempt.stage.fixture.ts";
import { aCandidate, admittedAt } from "./dispatched.fixture.ts";
import { answered, meteredIn, outcomeIn, recordsOf, refused } from "./effects.fixture.ts";

async function fencedIn({ registry }: { readonly registry: Registry }): Promise<number> {
  const text = await registry.getSingleMetricAsString("provider_attempts_fenced_total");
  return Number(/^provider_attempts_fenced_total (\d+)$/m.exec(text)?.[1]);
}

describe("after a crash", () => {
  test("an attempt that was held is made again under the same id", async () => {
    const { handle, attempts, ref, clock, provider } = await newTestStage(() => answered);
    await attempts.claim(ref, 1, "dead", 1_000, null);
    expect(await handle()).toMatchObject({ kind: "wait", waitMs: 1_000 });
    clock.at += 1_000;
    expect(outcomeIn(await handle())).toMatchObject({ outcome: "completed", attempts: 1 });
    expect(provider.calls[0]?.attemptId).toBe(attemptIdOf("acme", "r-1", admittedAt, 1));
  });

  test("an attempt that was held is closed by a zero if the deadline has passed", async () => {
    const { handle, attempts, ref, clock } = await newTestStage(() => answered);
    await attempts.claim(ref, 1, "dead", 1_000, null);
    clock.at = admittedAt + 120_000;
    const effect = await handle();
    expect(meteredIn(effect)).toMatchObject([
      { attemptNumber: 1, reason: "released", kind: "reported", usage: noUsage },
    ]);
    expect(outcomeIn(effect)).toMatchObject({ outcome: "declined", attempts: 0 });
  });

  test("an attempt that was calling is left to the sweep, and a second attempt is made", async () => {
    const { handle, attempts, ref, clock } = await newTestStage(() => answered);
    const claim = await attempts.claim(ref, 1, "dead", 1_000, null);
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

  test("a request that has been postponed for 15 s ends, although its provider rests for a moment only", async () => {
    const rests = { kind: "end", end: { ...refused, retryAfterMs: 2_000 } } as const;
    const candidates = [aCandidate()];
    const resting = await newTestStage(() => rests, { candidates });
    expect(await resting.handle(13_000)).toMatchObject({ kind: "wait", waitMs: 2_000 });
    const again = await newTestStage(() => rests, { candidates });
    expect(outcomeIn(await again.handle(13_001))).toMatchObject({
      refused: { code: "provider_rate_limited" },
    });
  });

  test("what is not sent because Redis took too long costs nothing, and is not left to the sweep", async () => {
    const late = await newTestStage(() => answered);
    late.attempts.duringCalling = () => (late.clock.at = admittedAt + 120_000);
    const effect = await late.handle();
    expect(late.provider.calls).toEqual([]);
    expect(meteredIn(effect)).toMatchObject([{ reason: "released", usage: noUsage }]);
    expect(outcomeIn(effect)).toMatchObject({ refused: { code: "deadline_exceeded" } });
    const stopped = await newTestStage(() => answered);
    stopped.attempts.duringCalling = () => stopped.stopping.abort();
    expect(await stopped.handle()).toMatchObject({ kind: "wait" });
    expect(stopped.provider.calls).toEqual([]);
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

  test("a renewal that finds the attempt recorded is not another owner", async () => {
    const own = await newTestStage(() => answered, { admitted: { reply: "live" } });
    // The finish is stored, and its reply takes longer than the next renewal.
    const finish = own.attempts.finish.bind(own.attempts);
    own.attempts.finish = async (...given) => {
      const finished = await finish(...given);
      await new Promise((resolve) => setTimeout(resolve, 50));
      return finished;
    };
    expect(outcomeIn(await own.handle())).toMatchObject({ outcome: "completed" });
    expect(await fencedIn(own)).toBe(0);
  });

  test("an owner that was fenced does not write the record, but publishes the usage of its attempt", async () => {
    const takenOver = async (): Promise<void> => {
      own.clock.at += 20_000;
      await own.attempts.claim(own.ref, 1, "adapter-b", 10_000, null);
    };
    const own = await newTestStage((nth) =>
      nth === 1 ? { ...answered, meanwhile: takenOver } : answered,
    );
    const { handle, producer, attempts, ref } = own;
    await handle();
    expect(await fencedIn(own)).toBe(1);
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
