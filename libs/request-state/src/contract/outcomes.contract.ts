import { describe, expect, test } from "vitest";
import {
  admit,
  beginCall,
  claimAttempt,
  longLeaseMs,
  type OutcomeHarness,
} from "./contract-harness.fixture.ts";
import { refOfAdmitted } from "../request-ref.ts";
import {
  admittedFixture,
  answeredFixture,
  failedFixture,
  hitFixture,
  meteredFixture,
} from "./records.fixture.ts";

export function outcomesContract(name: string, harnessOf: () => OutcomeHarness): void {
  describe(`outcomes: ${name}`, () => {
    test("of a hundred concurrent claims one wins, and the others receive its outcome", async () => {
      const { outcomes } = harnessOf();
      const admitted = admittedFixture();
      await admit(harnessOf(), admitted);
      const claims = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          outcomes.claim([failedFixture(admitted, `reason ${index}`)], "decision"),
        ),
      );
      const flat = claims.flat();
      expect(flat.filter(({ kind }) => kind === "won")).toHaveLength(1);
      const stored = new Set(
        flat.map((claim) => ("outcome" in claim ? claim.outcome.refused?.reason : claim.kind)),
      );
      expect(stored.size).toBe(1);
    });

    test("outcomes of several requests are claimed in one call, independently of each other", async () => {
      const { outcomes } = harnessOf();
      const [one, other] = [admittedFixture(), admittedFixture()];
      const first = failedFixture(one, "first");
      await outcomes.claim([first], "decision");
      const theirs = failedFixture(other);
      expect(await outcomes.claim([failedFixture(one, "second"), theirs], "decision")).toEqual([
        { kind: "lost", outcome: first },
        { kind: "won", outcome: theirs },
      ]);
    });

    test("a redelivery of the same outcome wins again", async () => {
      const { outcomes } = harnessOf();
      const outcome = failedFixture(admittedFixture());
      await outcomes.claim([outcome], "decision");
      expect(await outcomes.claim([outcome], "decision")).toEqual([{ kind: "won", outcome }]);
    });

    test("a redelivered hit wins again with the stored outcome, so that its saving is published", async () => {
      const { outcomes } = harnessOf();
      const admitted = admittedFixture();
      const first = hitFixture(admitted, "a dam");
      const again = { ...hitFixture(admitted, "a low dam"), completedAt: first.completedAt + 9 };
      await outcomes.claim([first], "hit");
      expect(await outcomes.claim([again], "hit")).toEqual([{ kind: "won", outcome: first }]);
      expect(await outcomes.claim([failedFixture(admitted)], "decision")).toEqual([
        { kind: "lost", outcome: first },
      ]);
    });

    test("a hit after a decision is lost, so a declined request has no saving", async () => {
      const { outcomes } = harnessOf();
      const admitted = admittedFixture();
      const declined = failedFixture(admitted);
      await outcomes.claim([declined], "decision");
      expect(await outcomes.claim([hitFixture(admitted, "a dam")], "hit")).toEqual([
        { kind: "lost", outcome: declined },
      ]);
    });

    test("a hit is refused while an attempt is held or calling", async () => {
      const { outcomes, attempts } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const fence = await claimAttempt(harnessOf(), ref);
      const hit = hitFixture(admitted, "a dam");
      expect(await outcomes.claim([hit], "hit")).toEqual([{ kind: "attempt-held" }]);
      await attempts.calling(ref, 1, fence, longLeaseMs);
      expect(await outcomes.claim([hit], "hit")).toEqual([{ kind: "attempt-held" }]);
    });

    test("a hit may end a request whose attempts all ended without an answer", async () => {
      const { outcomes, attempts } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const fence = await claimAttempt(harnessOf(), ref);
      await attempts.release(ref, 1, fence, meteredFixture(admitted, 1));
      const outcome = hitFixture(admitted, "a dam");
      expect(await outcomes.claim([outcome], "hit")).toEqual([{ kind: "won", outcome }]);
    });

    test("when a hit races with an attempt, exactly one of them gets the request", async () => {
      const { outcomes, attempts } = harnessOf();
      for (let round = 0; round < 50; round += 1) {
        const admitted = admittedFixture();
        const ref = refOfAdmitted(admitted);
        const hit = async (): Promise<string> =>
          (await outcomes.claim([hitFixture(admitted, "a dam")], "hit"))[0]!.kind;
        const attempt = async (): Promise<string> =>
          (await attempts.claim(ref, 1, "owner-a", 1_000, null)).kind;
        const racers = round % 2 === 0 ? [hit(), attempt()] : [attempt(), hit()];
        const kinds = (await Promise.all(racers)).toSorted();
        expect([
          ["attempt-held", "held"],
          ["outcome-set", "won"],
        ]).toContainEqual(kinds);
      }
    });

    test("a claim after the answer has expired returns that nothing is left to do", async () => {
      const { outcomes, forgetAnswer } = harnessOf();
      const admitted = admittedFixture();
      const outcome = failedFixture(admitted);
      await outcomes.claim([outcome], "decision");
      await outcomes.published([{ outcome, meteredAttempts: [] }]);
      expect(await outcomes.claim([outcome], "decision")).toEqual([{ kind: "won", outcome }]);
      await forgetAnswer(refOfAdmitted(admitted));
      expect(await outcomes.claim([outcome], "decision")).toEqual([{ kind: "answer-gone" }]);
      expect(await outcomes.claim([hitFixture(admitted, "x")], "hit")).toEqual([
        { kind: "answer-gone" },
      ]);
    });

    test("publishing an outcome that the store has lost changes nothing", async () => {
      const { outcomes, admissions } = harnessOf();
      const admitted = admittedFixture();
      const outcome = answeredFixture(admitted, "a dam");
      await outcomes.published([{ outcome, meteredAttempts: [] }]);
      expect(await admissions.find([admitted])).toEqual([null]);
      expect(await outcomes.claim([failedFixture(admitted)], "decision")).toMatchObject([
        { kind: "won" },
      ]);
    });

    test("a decision is refused while an attempt calls, so that its paid answer is not lost", async () => {
      const { outcomes, attempts } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const fence = await beginCall(harnessOf(), ref);
      const late = failedFixture(admitted);
      expect(await outcomes.claim([late], "decision")).toEqual([{ kind: "attempt-held" }]);
      const outcome = answeredFixture(admitted, "a dam");
      const result = { metered: meteredFixture(admitted, 1), outcome };
      expect(await attempts.finish(ref, 1, fence, result)).toEqual({ kind: "won", outcome });
      expect(await outcomes.claim([late], "decision")).toEqual([{ kind: "lost", outcome }]);
    });

    test("a decision ends a request whose attempts have all ended", async () => {
      const { outcomes, attempts } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const fence = await beginCall(harnessOf(), ref);
      await attempts.fail(ref, 1, fence, { reason: "429", metered: null });
      const outcome = failedFixture(admitted);
      expect(await outcomes.claim([outcome], "decision")).toEqual([{ kind: "won", outcome }]);
    });

    test("an abandoned request does not stop a running attempt from storing its usage", async () => {
      const { outcomes, attempts } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const fence = await beginCall(harnessOf(), ref);
      const failed = failedFixture(admitted);
      await outcomes.claim([failed], "abandoned");
      const metered = meteredFixture(admitted, 1);
      const result = { metered, outcome: answeredFixture(admitted, "late") };
      expect(await attempts.finish(ref, 1, fence, result)).toEqual({
        kind: "lost",
        outcome: failed,
      });
      expect(await attempts.history(ref)).toMatchObject({
        outcome: failed,
        attempts: [{ phase: "finished", metered }],
      });
    });
  });
}
