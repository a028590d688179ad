import { describe, expect, test } from "vitest";
import {
  admit,
  beginCall,
  claimAttempt,
  untilShortLeaseExpires,
  longLeaseMs,
  type OutcomeHarness,
  shortLeaseMs,
  fenceOf,
} from "./contract-harness.fixture.ts";
import { newReaderId } from "../reader-id.ts";
import { refOfAdmitted } from "../request-ref.ts";
import {
  admittedFixture,
  answeredFixture,
  failedFixture,
  meteredFixture,
} from "./records.fixture.ts";

export function attemptsContract(name: string, harnessOf: () => OutcomeHarness): void {
  describe(`attempts: ${name}`, () => {
    test("of a hundred concurrent claims one holds the attempt, and the others wait for its lease", async () => {
      const ref = await admit(harnessOf(), admittedFixture());
      const claims = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          harnessOf().attempts.claim(ref, 1, `owner-${index}`, longLeaseMs, null),
        ),
      );
      expect(claims.filter(({ kind }) => kind === "held")).toHaveLength(1);
      expect(claims.filter(({ kind }) => kind === "busy")).toHaveLength(99);
    });

    test("a request that the store does not know can be attempted, because the store may have lost it", async () => {
      const ref = refOfAdmitted(admittedFixture());
      const { attempts } = harnessOf();
      expect(await attempts.history(ref)).toEqual({
        outcome: null,
        answerGone: false,
        attemptsBefore: 0,
        cancelled: false,
        replyBegan: false,
        attempts: [],
      });
      expect(await attempts.claim(ref, 1, "owner-a", longLeaseMs, null)).toMatchObject({
        kind: "held",
      });
    });

    test("one of a hundred workers begins a request that has only been admitted", async () => {
      const { attempts } = harnessOf();
      const ref = await admit(harnessOf(), admittedFixture());
      const fences = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          attempts.begin(ref, `owner-${index}`, longLeaseMs, null),
        ),
      );
      const [begun, ...others] = fences.filter((each) => each !== null);
      expect(others).toEqual([]);
      expect(await attempts.calling(ref, 1, fenceOf(begun), longLeaseMs)).toBe(true);
    });

    test("a request that was cancelled, attempted or ended is not begun without its history", async () => {
      const { attempts, outcomes, replies } = harnessOf();
      const cancelled = await admit(harnessOf(), admittedFixture());
      await replies.cancel(cancelled, newReaderId());
      const attempted = await admit(harnessOf(), admittedFixture());
      await claimAttempt(harnessOf(), attempted, 1, shortLeaseMs);
      await untilShortLeaseExpires();
      const admitted = admittedFixture();
      const ended = await admit(harnessOf(), admitted);
      await outcomes.claim([failedFixture(admitted)], "decision");
      for (const ref of [cancelled, attempted, ended])
        expect(await attempts.begin(ref, "owner-b", longLeaseMs, null)).toBeNull();
    });

    test("an attempt whose lease expires before the call is taken over, and its first owner is fenced", async () => {
      const { attempts } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const first = await claimAttempt(harnessOf(), ref, 1, shortLeaseMs);
      await untilShortLeaseExpires();
      const second = await claimAttempt(harnessOf(), ref);
      expect(second).toBeGreaterThan(first);
      expect(await attempts.calling(ref, 1, first, longLeaseMs)).toBe(false);
      expect(await attempts.renew(ref, 1, first, longLeaseMs)).toEqual({ kind: "fenced" });
      expect(await attempts.release(ref, 1, first, meteredFixture(admitted, 1))).toBe(false);
      expect(await attempts.calling(ref, 1, second, longLeaseMs)).toBe(true);
    });

    test("an owner that lost its attempt cannot write into the call of the next owner", async () => {
      const { attempts } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const first = await claimAttempt(harnessOf(), ref, 1, shortLeaseMs);
      await untilShortLeaseExpires();
      const second = await beginCall(harnessOf(), ref);
      const metered = meteredFixture(admitted, 1);
      const stale = { metered, outcome: answeredFixture(admitted, "stale") };
      expect(await attempts.append(ref, 1, first, 0, "stale")).toEqual({ kind: "fenced" });
      expect(await attempts.finish(ref, 1, first, stale)).toEqual({ kind: "fenced" });
      expect(await attempts.fail(ref, 1, first, { reason: "stale", metered })).toBe(false);
      expect(await attempts.calling(ref, 1, first, longLeaseMs)).toBe(false);
      expect(await attempts.renew(ref, 1, first, longLeaseMs)).toEqual({ kind: "fenced" });
      const outcome = answeredFixture(admitted, "a dam");
      expect(await attempts.finish(ref, 1, second, { metered, outcome })).toEqual({
        kind: "won",
        outcome,
      });
      expect(await attempts.history(ref)).toMatchObject({ replyBegan: false });
    });

    test("a call that begins after the claim's lease has expired is not taken over", async () => {
      const { attempts } = harnessOf();
      const ref = await admit(harnessOf(), admittedFixture());
      const fence = await claimAttempt(harnessOf(), ref, 1, shortLeaseMs);
      await untilShortLeaseExpires();
      expect(await attempts.calling(ref, 1, fence, longLeaseMs)).toBe(true);
      const claim = await attempts.claim(ref, 1, "owner-b", longLeaseMs, null);
      expect(claim).toEqual({ kind: "busy", leaseLeftMs: expect.closeTo(longLeaseMs, -4) });
    });

    test("an owner whose claim was stored without a reply gets the attempt again at once, and others wait", async () => {
      const { attempts } = harnessOf();
      const ref = await admit(harnessOf(), admittedFixture());
      const lost = fenceOf(await attempts.begin(ref, "owner-a", longLeaseMs, null));
      expect((await attempts.history(ref, "owner-a")).attempts[0]).toMatchObject({
        ...{ phase: "held", leaseLeftMs: 0 },
      });
      for (const owner of ["owner-b", undefined]) {
        const [attempt] = (await attempts.history(ref, owner)).attempts;
        expect(attempt!.leaseLeftMs).toBeGreaterThan(0);
      }
      expect(await attempts.claim(ref, 1, "owner-b", longLeaseMs, null)).toMatchObject({
        kind: "busy",
      });
      const again = await claimAttempt(harnessOf(), ref);
      expect(await attempts.calling(ref, 1, lost, longLeaseMs)).toBe(false);
      expect(await attempts.calling(ref, 1, again, longLeaseMs)).toBe(true);
      expect(await attempts.claim(ref, 1, "owner-a", longLeaseMs, null)).toMatchObject({
        kind: "busy",
      });
    });

    test("a renewed lease is not taken over", async () => {
      const { attempts } = harnessOf();
      const ref = await admit(harnessOf(), admittedFixture());
      const fence = await claimAttempt(harnessOf(), ref, 1, shortLeaseMs);
      expect(await attempts.renew(ref, 1, fence, longLeaseMs)).toEqual({
        kind: "renewed",
        cancelled: false,
      });
      await untilShortLeaseExpires();
      const claim = await attempts.claim(ref, 1, "owner-b", longLeaseMs, null);
      expect(claim).toEqual({ kind: "busy", leaseLeftMs: expect.closeTo(longLeaseMs, -4) });
    });

    test("an attempt whose lease expires during the call is in doubt, and its owner can no longer write", async () => {
      const { attempts, outcomes } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const fence = await beginCall(harnessOf(), ref, 1, shortLeaseMs);
      await untilShortLeaseExpires();
      expect(await attempts.claim(ref, 1, "owner-b", longLeaseMs, null)).toEqual({
        kind: "in-doubt",
      });
      expect(await attempts.claim(ref, 1, "owner-c", longLeaseMs, null)).toEqual({
        kind: "in-doubt",
      });
      expect(await attempts.append(ref, 1, fence, 0, "late")).toEqual({ kind: "fenced" });
      const result = {
        metered: meteredFixture(admitted, 1),
        outcome: answeredFixture(admitted, "late"),
      };
      expect(await attempts.finish(ref, 1, fence, result)).toEqual({ kind: "fenced" });
      expect(await attempts.fail(ref, 1, fence, { reason: "late", metered: null })).toBe(false);
      const outcome = failedFixture(admitted);
      expect(await outcomes.claim([outcome], "decision")).toEqual([{ kind: "won", outcome }]);
    });

    test("a further attempt can be claimed only after the previous one has ended, in doubt or otherwise", async () => {
      const { attempts } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      expect(await attempts.claim(ref, 2, "owner-a", longLeaseMs, null)).toEqual({
        kind: "not-next",
      });
      await beginCall(harnessOf(), ref, 1, shortLeaseMs);
      expect(await attempts.claim(ref, 2, "owner-a", longLeaseMs, null)).toEqual({
        kind: "not-next",
      });
      await untilShortLeaseExpires();
      await attempts.claim(ref, 1, "owner-a", longLeaseMs, null);
      const second = await claimAttempt(harnessOf(), ref, 2);
      await attempts.release(ref, 2, second, meteredFixture(admitted, 2));
      const third = await beginCall(harnessOf(), ref, 3);
      await attempts.fail(ref, 3, third, { reason: "429", metered: meteredFixture(admitted, 3) });
      expect((await attempts.history(ref)).attempts).toEqual([
        { number: 1, phase: "doubt", leaseLeftMs: 0, metered: null, reason: null },
        {
          number: 2,
          phase: "released",
          leaseLeftMs: 0,
          metered: meteredFixture(admitted, 2),
          reason: "answered",
        },
        {
          number: 3,
          phase: "failed",
          leaseLeftMs: 0,
          metered: meteredFixture(admitted, 3),
          reason: "429",
        },
      ]);
      const fourth = await beginCall(harnessOf(), ref, 4);
      await attempts.fail(ref, 4, fourth, { reason: "timeout", metered: null });
      expect(await attempts.claim(ref, 5, "owner-a", longLeaseMs, null)).toEqual({
        kind: "not-next",
      });
      expect(await attempts.claim(ref, 4, "owner-a", longLeaseMs, null)).toEqual({
        kind: "ended",
        attempt: { number: 4, phase: "failed", leaseLeftMs: 0, metered: null, reason: "timeout" },
      });
    });

    test("finishing stores the usage and ends the request once", async () => {
      const { attempts, outcomes } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const fence = await beginCall(harnessOf(), ref);
      const result = {
        metered: meteredFixture(admitted, 1),
        outcome: answeredFixture(admitted, "a dam"),
      };
      const won = { kind: "won", outcome: result.outcome };
      expect(await attempts.finish(ref, 1, fence, result)).toEqual(won);
      expect(await attempts.finish(ref, 1, fence, result)).toEqual(won);
      expect(await outcomes.claim([failedFixture(admitted)], "decision")).toEqual([
        { kind: "lost", outcome: result.outcome },
      ]);
      expect(await attempts.history(ref)).toEqual({
        outcome: result.outcome,
        answerGone: false,
        attemptsBefore: 0,
        cancelled: false,
        replyBegan: false,
        attempts: [
          { number: 1, phase: "finished", leaseLeftMs: 0, metered: result.metered, reason: null },
        ],
      });
      expect(await attempts.claim(ref, 1, "owner-b", longLeaseMs, null)).toEqual({
        kind: "outcome-set",
        outcome: result.outcome,
      });
    });

    test("an owner whose lease has expired can finish if no other owner has taken over", async () => {
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const fence = await beginCall(harnessOf(), ref, 1, shortLeaseMs);
      await untilShortLeaseExpires();
      const result = {
        metered: meteredFixture(admitted, 1),
        outcome: answeredFixture(admitted, "slow"),
      };
      expect(await harnessOf().attempts.finish(ref, 1, fence, result)).toMatchObject({
        kind: "won",
      });
    });

    test("when finishing races with a take-over, either the answer counts or the attempt is in doubt", async () => {
      const { attempts } = harnessOf();
      for (let round = 0; round < 10; round += 1) {
        const admitted = admittedFixture();
        const ref = refOfAdmitted(admitted);
        const fence = await beginCall(harnessOf(), ref, 1, 1);
        await new Promise((resolve) => setTimeout(resolve, 3));
        const result = { metered: null, outcome: answeredFixture(admitted, "slow") };
        const finish = (): Promise<{ kind: string }> => attempts.finish(ref, 1, fence, result);
        const claim = (): Promise<{ kind: string }> =>
          attempts.claim(ref, 1, "owner-b", longLeaseMs, null);
        const racers = round % 2 === 0 ? [finish(), claim()] : [claim(), finish()];
        const kinds = (await Promise.all(racers)).map(({ kind }) => kind).toSorted();
        expect([
          ["fenced", "in-doubt"],
          ["outcome-set", "won"],
        ]).toContainEqual(kinds);
      }
    });

    test("a call, an end or a release out of order is refused", async () => {
      const { attempts } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const metered = meteredFixture(admitted, 1);
      const result = { metered, outcome: answeredFixture(admitted, "a dam") };
      const fence = await claimAttempt(harnessOf(), ref);
      expect(await attempts.append(ref, 1, fence, 0, "early")).toEqual({ kind: "fenced" });
      expect(await attempts.finish(ref, 1, fence, result)).toEqual({ kind: "fenced" });
      await attempts.calling(ref, 1, fence, longLeaseMs);
      expect(await attempts.release(ref, 1, fence, metered)).toBe(false);
      expect(await attempts.fail(ref, 1, fence, { reason: "429", metered })).toBe(true);
      expect(await attempts.fail(ref, 1, fence, { reason: "429", metered })).toBe(true);
      expect(await attempts.finish(ref, 1, fence, result)).toEqual({ kind: "fenced" });
      expect(await attempts.calling(ref, 1, fence, longLeaseMs)).toBe(false);
    });

    test("after the outcome is set, no attempt is claimed, and a held attempt may not call", async () => {
      const { attempts, outcomes } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const fence = await claimAttempt(harnessOf(), ref);
      const outcome = failedFixture(admitted);
      await outcomes.claim([outcome], "decision");
      expect(await attempts.calling(ref, 1, fence, longLeaseMs)).toBe(false);
      expect(await attempts.claim(ref, 1, "owner-b", longLeaseMs, null)).toEqual({
        kind: "outcome-set",
        outcome,
      });
      expect(await attempts.release(ref, 1, fence, meteredFixture(admitted, 1))).toBe(true);
    });

    test("the owner learns from renewals and appends that the client has disconnected", async () => {
      const { attempts, replies } = harnessOf();
      const ref = await admit(harnessOf(), admittedFixture());
      const fence = await beginCall(harnessOf(), ref);
      expect(await attempts.append(ref, 1, fence, 0, "a")).toEqual({
        kind: "appended",
        cancelled: false,
      });
      await replies.cancel(ref, newReaderId());
      expect(await attempts.append(ref, 1, fence, 1, "b")).toEqual({
        kind: "appended",
        cancelled: true,
      });
      expect(await attempts.renew(ref, 1, fence, longLeaseMs)).toEqual({
        kind: "renewed",
        cancelled: true,
      });
      expect(await attempts.history(ref)).toMatchObject({ cancelled: true, replyBegan: true });
    });

    test("tokens after another stage's outcome are not stored, and the owner learns to stop", async () => {
      const { attempts, outcomes } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const fence = await beginCall(harnessOf(), ref);
      await outcomes.claim([failedFixture(admitted)], "abandoned");
      expect(await attempts.append(ref, 1, fence, 0, "a")).toEqual({
        kind: "appended",
        cancelled: true,
      });
      expect(await attempts.history(ref)).toMatchObject({ replyBegan: false });
    });

    test("an owner that finishes after another outcome has expired still stores its usage", async () => {
      const { attempts, outcomes, forgetAnswer } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const fence = await beginCall(harnessOf(), ref);
      await outcomes.claim([failedFixture(admitted)], "abandoned");
      await forgetAnswer(ref);
      const metered = meteredFixture(admitted, 1);
      const result = { metered, outcome: answeredFixture(admitted, "late") };
      expect(await attempts.finish(ref, 1, fence, result)).toEqual({ kind: "answer-gone" });
      expect(await attempts.history(ref)).toMatchObject({
        answerGone: true,
        attempts: [{ metered }],
      });
    });
  });
}
