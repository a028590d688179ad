import type { InferenceAdmitted, InferenceResponded } from "@sluice/contracts";
import { describe, expect, test } from "vitest";
import type { ReplyEvent, AdmittedRef } from "../ports.ts";
import { newReaderId } from "../reader-id.ts";
import {
  admit,
  beginCall,
  claimAttempt,
  longLeaseMs,
  type OutcomeHarness,
  shortLeaseMs,
  untilShortLeaseExpires,
} from "./contract-harness.fixture.ts";
import {
  admittedFixture,
  answeredFixture,
  failedFixture,
  fixtureTenant,
  hitFixture,
  meteredFixture,
} from "./records.fixture.ts";

interface Ended {
  readonly admitted: InferenceAdmitted;
  readonly ref: AdmittedRef;
  readonly fence: number;
  readonly outcome: InferenceResponded;
}

/** What a store that has forgotten all but the outcome answers to every late message. */
export function publishedContract(name: string, harnessOf: () => OutcomeHarness): void {
  /** Ends a request by its first attempt, after two tokens, and publishes outcome and usage. */
  async function endedAndPublished(changes: Partial<InferenceAdmitted> = {}): Promise<Ended> {
    const { attempts, outcomes } = harnessOf();
    const admitted = admittedFixture(changes);
    const ref = await admit(harnessOf(), admitted);
    const fence = await beginCall(harnessOf(), ref);
    for (const sequence of [0, 1]) await attempts.append(ref, 1, fence, sequence, "a dam");
    const outcome = answeredFixture(admitted, "a dam a dam");
    await attempts.finish(ref, 1, fence, { metered: meteredFixture(admitted, 1), outcome });
    await outcomes.published([{ outcome, meteredAttempts: [1] }]);
    return { admitted, ref, fence, outcome };
  }

  describe(`published requests: ${name}`, () => {
    test("a redelivery to the adapter finds the outcome and makes no attempt", async () => {
      const { attempts } = harnessOf();
      const { ref, outcome } = await endedAndPublished();
      expect(await attempts.begin(ref, "owner-b", longLeaseMs, null)).toBeNull();
      expect(await attempts.history(ref)).toMatchObject({
        ...{ outcome, answerGone: false, attempts: [] },
      });
      for (const number of [1, 2])
        expect(await attempts.claim(ref, number, "owner-b", longLeaseMs, null)).toEqual({
          kind: "outcome-set",
          outcome,
        });
    });

    test("an owner that is late is fenced, and its writes have no effect", async () => {
      const { attempts, outcomes } = harnessOf();
      const { admitted, ref, fence, outcome } = await endedAndPublished();
      const metered = meteredFixture(admitted, 1);
      const other = { metered, outcome: answeredFixture(admitted, "another") };
      expect(await attempts.calling(ref, 1, fence, longLeaseMs)).toBe(false);
      expect(await attempts.renew(ref, 1, fence, longLeaseMs)).toEqual({ kind: "fenced" });
      expect(await attempts.append(ref, 1, fence, 2, "late")).toEqual({ kind: "fenced" });
      expect(await attempts.finish(ref, 1, fence, other)).toEqual({ kind: "fenced" });
      expect(await attempts.fail(ref, 1, fence, { reason: "late", metered })).toBe(false);
      expect(await attempts.release(ref, 1, fence, metered)).toBe(false);
      expect(await attempts.history(ref)).toMatchObject({ outcome, attempts: [] });
      expect(await outcomes.claim([other.outcome], "decision")).toEqual([
        { kind: "lost", outcome },
      ]);
    });

    test("every later claim receives the first outcome, and repeats it only with the same bytes", async () => {
      const { outcomes } = harnessOf();
      const { admitted, outcome } = await endedAndPublished();
      const [failed, hit] = [failedFixture(admitted), hitFixture(admitted, "a weir")];
      expect(await outcomes.claim([failed, outcome], "decision")).toEqual([
        { kind: "lost", outcome },
        { kind: "won", outcome },
      ]);
      expect(await outcomes.claim([hit], "hit")).toEqual([{ kind: "lost", outcome }]);
    });

    test("a hit whose saving was published does not win again", async () => {
      const { outcomes } = harnessOf();
      const admitted = admittedFixture();
      await admit(harnessOf(), admitted);
      const outcome = hitFixture(admitted, "a dam");
      await outcomes.claim([outcome], "hit");
      await outcomes.published([{ outcome, meteredAttempts: [0] }]);
      const again = { ...outcome, completedAt: outcome.completedAt + 9 };
      expect(await outcomes.claim([again], "hit")).toEqual([{ kind: "lost", outcome }]);
    });

    test("a repeat receives the outcome, and another body is a conflict", async () => {
      const { admissions } = harnessOf();
      const { admitted, outcome } = await endedAndPublished();
      const other = { ...admitted, bodyHash: "another" };
      for (const repeats of [
        await admissions.find([admitted, other]),
        await admissions.admit([{ admitted }, { admitted: other }]),
      ])
        expect(repeats).toEqual([{ kind: "ended", outcome }, { kind: "conflict" }]);
    });

    test("a repeat of a request that the store had lost is joined to the outcome", async () => {
      const { admissions, outcomes } = harnessOf();
      const admitted = admittedFixture();
      const outcome = failedFixture(admitted);
      await outcomes.claim([outcome], "decision");
      await outcomes.published([{ outcome, meteredAttempts: [] }]);
      const other = { ...admitted, bodyHash: "another" };
      expect(await admissions.admit([{ admitted }, { admitted: other }])).toEqual([
        { kind: "ended", outcome },
        { kind: "conflict" },
      ]);
    });

    test("once the answer has expired too, every message learns that nothing is left to do", async () => {
      const { admissions, attempts, outcomes, forgetAnswer } = harnessOf();
      const { admitted, ref } = await endedAndPublished();
      await forgetAnswer(ref);
      expect(await admissions.admit([{ admitted }])).toEqual([{ kind: "ended", outcome: null }]);
      expect(await attempts.begin(ref, "owner-b", longLeaseMs, null)).toBeNull();
      expect(await attempts.history(ref)).toMatchObject({ answerGone: true, attempts: [] });
      expect(await attempts.claim(ref, 1, "owner-b", longLeaseMs, null)).toEqual({
        kind: "outcome-set",
        outcome: null,
      });
      expect(await outcomes.claim([failedFixture(admitted)], "decision")).toEqual([
        { kind: "answer-gone" },
      ]);
      expect((await eventsOf(ref)).at(-1)).toEqual({ kind: "answer-gone" });
    });

    test("a late acknowledgement, cancellation or publication changes nothing", async () => {
      const { admissions, attempts, outcomes, replies } = harnessOf();
      const { admitted, ref, outcome } = await endedAndPublished();
      await admissions.acknowledge([ref]);
      await replies.cancel(ref, newReaderId());
      await outcomes.published([{ outcome, meteredAttempts: [] }]);
      expect(await admissions.find([admitted])).toEqual([{ kind: "ended", outcome }]);
      expect(await attempts.history(ref)).toMatchObject({ cancelled: false, outcome });
    });

    test("a reader still receives the tokens and the outcome", async () => {
      const { ref, outcome } = await endedAndPublished();
      const tokens = [0, 1].map((sequence) => ({
        ...{ kind: "token", attempt: 1, sequence, payload: "a dam" },
      }));
      expect(await eventsOf(ref)).toEqual([...tokens, { kind: "end", outcome, isComplete: true }]);
    });

    test("an SDK's retry joins a completed request and not a failed one", async () => {
      const { admissions, outcomes } = harnessOf();
      const completed = admittedFixture();
      const failed = admittedFixture();
      const join = { keyId: "k1" };
      await admissions.admit([
        { admitted: completed, join },
        { admitted: failed, join },
      ]);
      const ends = [answeredFixture(completed, "a dam"), failedFixture(failed)];
      await outcomes.claim(ends, "decision");
      await outcomes.published(ends.map((outcome) => ({ outcome, meteredAttempts: [] })));
      const joinable = ({ bodyHash }: InferenceAdmitted) =>
        admissions.joinable(fixtureTenant, "k1", bodyHash, newReaderId());
      expect(await joinable(completed)).toBe(completed.request.requestId);
      expect(await joinable(failed)).toBeNull();
    });

    test("usage that is not yet acknowledged is kept when another stage publishes the outcome", async () => {
      const { attempts, outcomes } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const fence = await beginCall(harnessOf(), ref);
      const metered = meteredFixture(admitted, 1);
      await attempts.fail(ref, 1, fence, { reason: "cut", metered });
      await claimAttempt(harnessOf(), ref, 2);
      const outcome = failedFixture(admitted);
      await outcomes.claim([outcome], "decision");
      for (const meteredAttempts of [[], [1], [2]]) {
        await outcomes.published([{ outcome, meteredAttempts }]);
        expect(await attempts.history(ref)).toMatchObject({
          attempts: [{ phase: "failed", metered }, { phase: "held" }],
        });
      }
      await outcomes.published([{ outcome, meteredAttempts: [1, 2] }]);
      expect(await attempts.history(ref)).toMatchObject({ outcome, attempts: [] });
    });

    test("a call that runs when another outcome is published can still store its usage", async () => {
      const { attempts, outcomes } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const fence = await beginCall(harnessOf(), ref);
      const outcome = failedFixture(admitted);
      await outcomes.claim([outcome], "abandoned");
      await outcomes.published([{ outcome, meteredAttempts: [] }]);
      const metered = meteredFixture(admitted, 1);
      const late = { metered, outcome: answeredFixture(admitted, "late") };
      expect(await attempts.finish(ref, 1, fence, late)).toEqual({ kind: "lost", outcome });
      expect(await attempts.history(ref)).toMatchObject({ attempts: [{ metered }] });
      await outcomes.published([{ outcome, meteredAttempts: [1] }]);
      expect(await attempts.history(ref)).toMatchObject({ outcome, attempts: [] });
    });

    test("a call whose lease has expired does not keep the history, and its owner is fenced", async () => {
      const { attempts, outcomes } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const fence = await beginCall(harnessOf(), ref, 1, shortLeaseMs);
      const outcome = failedFixture(admitted);
      await outcomes.claim([outcome], "abandoned");
      await untilShortLeaseExpires();
      await outcomes.published([{ outcome, meteredAttempts: [] }]);
      expect(await attempts.history(ref)).toMatchObject({ outcome, attempts: [] });
      const metered = meteredFixture(admitted, 1);
      const late = { metered, outcome: answeredFixture(admitted, "late") };
      expect(await attempts.finish(ref, 1, fence, late)).toEqual({ kind: "fenced" });
    });
  });

  async function eventsOf(ref: AdmittedRef): Promise<readonly ReplyEvent[]> {
    const events: ReplyEvent[] = [];
    const signal = AbortSignal.timeout(5_000);
    for await (const event of harnessOf().replies.follow(ref, newReaderId(), signal))
      events.push(event);
    return events;
  }
}
