import { describe, expect, test } from "vitest";
import { admit, beginCall, type OutcomeHarness } from "./contract-harness.fixture.ts";
import { refOfAdmitted } from "../request-ref.ts";
import type { Reader, Replies, ReplyEvent, AdmittedRef } from "../ports.ts";
import { readersMax } from "../limits.ts";
import { newReaderId } from "../reader-id.ts";
import {
  admittedFixture,
  answeredFixture,
  failedFixture,
  fixtureTenant,
  hitFixture,
  meteredFixture,
} from "./records.fixture.ts";

export function repliesContract(name: string, harnessOf: () => OutcomeHarness): void {
  async function read(
    ref: AdmittedRef,
    signal = AbortSignal.timeout(5_000),
    isNew = false,
  ): Promise<ReplyEvent[]> {
    const events: ReplyEvent[] = [];
    for await (const event of harnessOf().replies.follow(ref, newReaderId(), signal, isNew))
      events.push(event);
    return events;
  }

  function reader(ref: AdmittedRef): AsyncIterator<ReplyEvent> {
    const signal = AbortSignal.timeout(5_000);
    return harnessOf().replies.follow(ref, newReaderId(), signal)[Symbol.asyncIterator]();
  }

  function readerOf({ listener }: Replies): Reader {
    return { id: newReaderId(), listener };
  }

  describe(`replies: ${name}`, () => {
    test("a reader receives each token once, in order, then the outcome", async () => {
      const { attempts, admissions, replies } = harnessOf();
      const admitted = admittedFixture();
      const ref = refOfAdmitted(admitted);
      await admissions.admit([{ admitted, reader: readerOf(replies) }]);
      const reading = read(ref);
      const fence = await beginCall(harnessOf(), ref);
      const payloads = Array.from({ length: 600 }, (_, index) => `token ${index}`);
      for (const [sequence, payload] of payloads.entries())
        await attempts.append(ref, 1, fence, sequence, payload);
      const outcome = answeredFixture(admitted, "a dam");
      await attempts.finish(ref, 1, fence, { metered: meteredFixture(admitted, 1), outcome });
      const whole = [
        ...payloads.map((payload, sequence) => ({ kind: "token", attempt: 1, sequence, payload })),
        { kind: "end", outcome, isComplete: true },
      ];
      expect(await reading).toEqual(whole);
      expect(await read(ref)).toEqual(whole);
    });

    test("a token appended twice is read once", async () => {
      const { attempts } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const fence = await beginCall(harnessOf(), ref);
      for (const sequence of [0, 1, 1, 0, 2])
        await attempts.append(ref, 1, fence, sequence, `token ${sequence}`);
      const outcome = answeredFixture(admitted, "a dam");
      await attempts.finish(ref, 1, fence, { metered: null, outcome });
      const tokens = [0, 1, 2].map((sequence) => ({
        kind: "token",
        attempt: 1,
        sequence,
        payload: `token ${sequence}`,
      }));
      expect(await read(ref)).toEqual([...tokens, { kind: "end", outcome, isComplete: true }]);
    });

    test("tokens of a further attempt follow those of the first", async () => {
      const { attempts } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const first = await beginCall(harnessOf(), ref);
      await attempts.append(ref, 1, first, 0, "a");
      await attempts.fail(ref, 1, first, { reason: "cut", metered: null });
      const second = await beginCall(harnessOf(), ref, 2);
      await attempts.append(ref, 2, second, 0, "b");
      const outcome = answeredFixture(admitted, "b");
      await attempts.finish(ref, 2, second, { metered: null, outcome });
      expect(await read(ref)).toEqual([
        { kind: "token", attempt: 1, sequence: 0, payload: "a" },
        { kind: "token", attempt: 2, sequence: 0, payload: "b" },
        { kind: "end", outcome, isComplete: true },
      ]);
    });

    test("several readers receive the same events, whenever they begin", async () => {
      const { attempts } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const fence = await beginCall(harnessOf(), ref);
      const early = read(ref);
      await attempts.append(ref, 1, fence, 0, "a");
      const midway = read(ref);
      await attempts.finish(ref, 1, fence, {
        metered: null,
        outcome: answeredFixture(admitted, "a"),
      });
      const late = await read(ref);
      expect(late).toHaveLength(2);
      expect(await early).toEqual(late);
      expect(await midway).toEqual(late);
    });

    test("for a reply of mode whole, tokens are not stored and a reader receives the outcome only", async () => {
      const { attempts } = harnessOf();
      const admitted = admittedFixture({ reply: "whole" });
      const ref = await admit(harnessOf(), admitted);
      const fence = await beginCall(harnessOf(), ref);
      expect(await attempts.append(ref, 1, fence, 0, "a")).toEqual({
        kind: "appended",
        cancelled: false,
      });
      const outcome = answeredFixture(admitted, "a dam");
      await attempts.finish(ref, 1, fence, { metered: null, outcome });
      expect(await read(ref)).toEqual([{ kind: "end", outcome, isComplete: true }]);
    });

    test.each(["whole", "live"] as const)(
      "the process that admitted a request with reply %s is notified of its end, before or after it begins to read",
      async (reply) => {
        const { admissions, outcomes, replies } = harnessOf();
        const [early, late] = [admittedFixture({ reply }), admittedFixture({ reply })];
        for (const admitted of [early, late])
          await admissions.admit([{ admitted, reader: readerOf(replies) }]);
        const ends = [hitFixture(early, "a dam"), hitFixture(late, "a weir")] as const;
        await outcomes.claim([ends[0]], "hit");
        await new Promise((resolve) => setTimeout(resolve, 50));
        const begunAt = performance.now();
        const heard = [early, late].map((admitted) =>
          read(refOfAdmitted(admitted), AbortSignal.timeout(5_000), true),
        );
        await new Promise((resolve) => setTimeout(resolve, 50));
        await outcomes.claim([ends[1]], "hit");
        expect(await Promise.all(heard)).toEqual(
          ends.map((outcome) => [{ kind: "end", outcome, isComplete: true }]),
        );
        // Below the interval of the poll: the notification arrived.
        expect(performance.now() - begunAt).toBeLessThan(900);
      },
    );

    test("an answer too long for a notification is read from the store", async () => {
      const { admissions, outcomes, replies } = harnessOf();
      const admitted = admittedFixture({ reply: "whole" });
      await admissions.admit([{ admitted, reader: readerOf(replies) }]);
      const heard = read(refOfAdmitted(admitted), AbortSignal.timeout(5_000), true);
      const outcome = hitFixture(admitted, "a dam, ".repeat(20_000));
      await outcomes.claim([outcome], "hit");
      expect(await heard).toEqual([{ kind: "end", outcome, isComplete: true }]);
    });

    test.each(["none", "whole", "live"] as const)(
      "a reader that waits for a request with reply %s is notified of any claim",
      async (reply) => {
        const { outcomes } = harnessOf();
        const admitted = admittedFixture({ reply });
        const ref = await admit(harnessOf(), admitted);
        const reading = read(ref);
        await new Promise((resolve) => setTimeout(resolve, 50));
        const outcome = hitFixture(admitted, "a dam");
        const claimedAt = performance.now();
        await outcomes.claim([outcome], "hit");
        expect(await reading).toEqual([{ kind: "end", outcome, isComplete: true }]);
        // Below the interval of the poll: the notification arrived.
        expect(performance.now() - claimedAt).toBeLessThan(800);
      },
    );

    test("a reader that has missed tokens receives none after the gap, and learns it at the end", async () => {
      const { attempts, forgetTokens } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const fence = await beginCall(harnessOf(), ref);
      await attempts.append(ref, 1, fence, 0, "a");
      const reading = reader(ref);
      expect(await reading.next()).toMatchObject({ value: { kind: "token", payload: "a" } });
      // The client reads slowly: nothing is read until the next call.
      await attempts.append(ref, 1, fence, 1, "b");
      await forgetTokens(ref);
      await attempts.append(ref, 1, fence, 2, "c");
      const outcome = answeredFixture(admitted, "abc");
      await attempts.finish(ref, 1, fence, { metered: null, outcome });
      expect(await reading.next()).toEqual({
        done: false,
        value: { kind: "end", outcome, isComplete: false },
      });
      expect(await reading.next()).toMatchObject({ done: true });
    });

    test("a reader that has missed the last tokens learns it at the end", async () => {
      const { attempts, outcomes, forgetTokens } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const fence = await beginCall(harnessOf(), ref);
      await attempts.append(ref, 1, fence, 0, "a");
      const reading = reader(ref);
      await reading.next();
      await attempts.append(ref, 1, fence, 1, "b");
      const outcome = answeredFixture(admitted, "ab");
      await attempts.finish(ref, 1, fence, { metered: null, outcome });
      await forgetTokens(ref);
      await outcomes.published([{ outcome, meteredAttempts: [1] }]);
      expect(await reading.next()).toMatchObject({ value: { kind: "end", isComplete: false } });
    });

    test("a reader that begins after the first tokens have expired receives only the whole answer", async () => {
      const { attempts, forgetTokens } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const fence = await beginCall(harnessOf(), ref);
      await attempts.append(ref, 1, fence, 0, "a");
      await forgetTokens(ref);
      await attempts.append(ref, 1, fence, 1, "b");
      const outcome = answeredFixture(admitted, "ab");
      await attempts.finish(ref, 1, fence, { metered: null, outcome });
      expect(await read(ref)).toEqual([{ kind: "end", outcome, isComplete: true }]);
    });

    test.each(["first", "joined"] as const)(
      "a request with two readers is not cancelled when the one that %s leaves, but when the last leaves",
      async (leaving) => {
        const { admissions, attempts, replies } = harnessOf();
        const admitted = admittedFixture();
        const ref = refOfAdmitted(admitted);
        const [first, joined] = [readerOf(replies), readerOf(replies)];
        await admissions.admit([{ admitted, reader: first, join: { keyId: "k1" } }]);
        await admissions.joinable(fixtureTenant, "k1", admitted.bodyHash, joined.id);
        const cancelled = async () => (await attempts.history(ref)).cancelled;
        const [leaver, stayer] = leaving === "first" ? [first, joined] : [joined, first];
        await replies.cancel(ref, leaver.id);
        await replies.cancel(ref, leaver.id);
        expect(await cancelled()).toBe(false);
        await replies.cancel(ref, stayer.id);
        expect(await cancelled()).toBe(true);
      },
    );

    test("a reader that follows counts, however it found the request", async () => {
      const { attempts, replies } = harnessOf();
      const ref = await admit(harnessOf(), admittedFixture());
      const fence = await beginCall(harnessOf(), ref);
      await attempts.append(ref, 1, fence, 0, "a");
      const leaving = new AbortController();
      const [leaver, stayer] = [newReaderId(), newReaderId()];
      for (const [id, signal] of [
        [leaver, leaving.signal],
        [stayer, AbortSignal.timeout(5_000)],
      ] as const) {
        const reading = replies.follow(ref, id, signal)[Symbol.asyncIterator]();
        await reading.next();
        void reading.next();
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
      leaving.abort();
      await replies.cancel(ref, leaver);
      expect(await attempts.append(ref, 1, fence, 1, "b")).toMatchObject({ cancelled: false });
      await replies.cancel(ref, stayer);
      expect(await attempts.append(ref, 1, fence, 2, "c")).toMatchObject({ cancelled: true });
    });

    test("a request with more readers than are counted is never cancelled", async () => {
      const { admissions, attempts, replies } = harnessOf();
      const admitted = admittedFixture();
      const ref = refOfAdmitted(admitted);
      const first = readerOf(replies);
      await admissions.admit([{ admitted, reader: first, join: { keyId: "k1" } }]);
      const others = Array.from({ length: readersMax }, () => newReaderId());
      for (const id of others)
        await admissions.joinable(fixtureTenant, "k1", admitted.bodyHash, id);
      for (const id of [first.id, ...others]) await replies.cancel(ref, id);
      expect(await attempts.history(ref)).toMatchObject({ cancelled: false });
    });

    test("a reader of an expired answer receives answer-gone", async () => {
      const { outcomes, forgetAnswer } = harnessOf();
      const admitted = admittedFixture({ reply: "none" });
      const ref = await admit(harnessOf(), admitted);
      await outcomes.claim([failedFixture(admitted)], "decision");
      await forgetAnswer(ref);
      expect(await read(ref)).toEqual([{ kind: "answer-gone" }]);
    });

    test("a reader whose signal aborts ends at once and without an outcome", async () => {
      const ref = await admit(harnessOf(), admittedFixture());
      const startedAt = performance.now();
      expect(await read(ref, AbortSignal.timeout(100))).toEqual([]);
      expect(performance.now() - startedAt).toBeLessThan(900);
      expect(await read(ref, AbortSignal.abort())).toEqual([]);
    });

    test("a reader of another tenant's request of the same id reads nothing", async () => {
      const { outcomes } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      await outcomes.claim([failedFixture(admitted)], "decision");
      const foreign = { ...ref, tenant: `${fixtureTenant}-other` };
      expect(await read(foreign, AbortSignal.timeout(100))).toEqual([]);
    });
  });
}
