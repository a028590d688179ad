import { describe, expect, test } from "vitest";
import { admit, claimAttempt, type OutcomeHarness } from "./contract-harness.fixture.ts";
import { refOfAdmitted } from "../request-ref.ts";
import {
  admittedFixture,
  answeredFixture,
  failedFixture,
  fixtureTenant,
} from "./records.fixture.ts";
import { newReaderId } from "../reader-id.ts";

export function admissionsContract(name: string, harnessOf: () => OutcomeHarness): void {
  describe(`admissions: ${name}`, () => {
    test("the first admission of an id is kept, and a repeat receives its record with the body that it repeats", async () => {
      const { admissions } = harnessOf();
      const admitted = admittedFixture();
      const { request } = admitted;
      const requirements = { ...request.requirements, deadlineAt: 9 };
      const later = {
        ...admitted,
        ...{ admittedAt: admitted.admittedAt + 5_000, correlationId: "another" },
        request: { ...request, requirements },
      };
      const repeat = { kind: "running", admitted, isAcknowledged: false };
      expect(await admissions.admit([{ admitted }, { admitted: later }])).toEqual([
        { kind: "first", admitted },
        repeat,
      ]);
      expect(await admissions.find([later])).toEqual([repeat]);
    });

    test("of a hundred concurrent admissions of an id exactly one is the first", async () => {
      const { admissions } = harnessOf();
      const admitted = admittedFixture();
      const answers = await Promise.all(
        Array.from({ length: 100 }, () => admissions.admit([{ admitted }])),
      );
      const kinds = answers.map(([answer]) => answer!.kind);
      expect(kinds.filter((kind) => kind === "first")).toHaveLength(1);
      expect(kinds.filter((kind) => kind === "running")).toHaveLength(99);
    });

    test("an id with another body is a conflict and changes nothing", async () => {
      const { admissions } = harnessOf();
      const admitted = admittedFixture();
      await admit(harnessOf(), admitted);
      const other = { ...admitted, bodyHash: "another" };
      expect(await admissions.admit([{ admitted: other }])).toEqual([{ kind: "conflict" }]);
      expect(await admissions.find([other, admitted])).toMatchObject([
        { kind: "conflict" },
        { kind: "running", admitted },
      ]);
    });

    test("two tenants may use the same id", async () => {
      const { admissions } = harnessOf();
      const admitted = admittedFixture();
      const attribution = { ...admitted.attribution, tenant: `${fixtureTenant}-other` };
      const other = { ...admitted, attribution, bodyHash: "another" };
      expect(await admissions.admit([{ admitted }, { admitted: other }])).toEqual([
        { kind: "first", admitted },
        { kind: "first", admitted: other },
      ]);
    });

    test("a repeat learns whether the broker has the record, and how the request ended", async () => {
      const { admissions, outcomes } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      await admissions.acknowledge([ref]);
      const running = { kind: "running", admitted, isAcknowledged: true };
      expect(await admissions.admit([{ admitted }])).toEqual([running]);
      const outcome = answeredFixture(admitted, "a dam");
      await outcomes.claim([outcome], "decision");
      const ended = { kind: "ended", outcome };
      expect(await admissions.admit([{ admitted }])).toEqual([ended]);
      expect(await admissions.find([admitted])).toEqual([ended]);
    });

    test("an expired answer is distinguished from a request that still runs", async () => {
      const { admissions, outcomes, forgetAnswer } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      await outcomes.claim([answeredFixture(admitted, "a dam")], "decision");
      await forgetAnswer(ref);
      expect(await admissions.find([admitted])).toEqual([{ kind: "ended", outcome: null }]);
    });

    test("an id that was never admitted is unknown, and a lookup does not change that", async () => {
      const { admissions } = harnessOf();
      const admitted = admittedFixture();
      expect(await admissions.find([admitted])).toEqual([null]);
      await admissions.acknowledge([refOfAdmitted(admitted)]);
      expect(await admissions.find([admitted])).toEqual([null]);
      expect(await admissions.admit([{ admitted }])).toMatchObject([{ kind: "first" }]);
    });

    test("a request that the store lost and a claim has ended is not admitted again", async () => {
      const { admissions, outcomes, forget } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      await forget(ref);
      const outcome = failedFixture(admitted);
      await outcomes.claim([outcome], "decision");
      expect(await admissions.admit([{ admitted }])).toEqual([{ kind: "ended", outcome }]);
      const other = { ...admitted, bodyHash: "another" };
      expect(await admissions.admit([{ admitted: other }])).toEqual([{ kind: "conflict" }]);
    });

    test("a request that the store lost and an adapter attempts is joined and not published again", async () => {
      const { admissions, forget } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      await forget(ref);
      await claimAttempt(harnessOf(), ref);
      expect(await admissions.admit([{ admitted }])).toEqual([
        { kind: "running", admitted, isAcknowledged: true },
      ]);
    });

    test("a retry without a key joins the request of the same key and body while it runs", async () => {
      const { admissions, outcomes } = harnessOf();
      const admitted = admittedFixture();
      const { bodyHash, request } = admitted;
      await admissions.admit([{ admitted, join: { keyId: "k1" } }]);
      expect(await admissions.joinable(fixtureTenant, "k1", bodyHash, newReaderId())).toBe(
        request.requestId,
      );
      expect(await admissions.joinable(fixtureTenant, "k2", bodyHash, newReaderId())).toBeNull();
      expect(await admissions.joinable(fixtureTenant, "k1", "another", newReaderId())).toBeNull();
      await outcomes.claim([answeredFixture(admitted, "a dam")], "decision");
      expect(await admissions.joinable(fixtureTenant, "k1", bodyHash, newReaderId())).toBe(
        request.requestId,
      );
    });

    test("a retry does not join a failed request, and the next admission can be joined instead", async () => {
      const { admissions, outcomes } = harnessOf();
      const failed = admittedFixture();
      const { bodyHash } = failed;
      await admissions.admit([{ admitted: failed, join: { keyId: "k1" } }]);
      await outcomes.claim([failedFixture(failed)], "decision");
      expect(await admissions.joinable(fixtureTenant, "k1", bodyHash, newReaderId())).toBeNull();
      const next = admittedFixture({ bodyHash });
      await admissions.admit([{ admitted: next, join: { keyId: "k1" } }]);
      expect(await admissions.joinable(fixtureTenant, "k1", bodyHash, newReaderId())).toBe(
        next.request.requestId,
      );
    });

    test("a retry does not join a request whose client has disconnected", async () => {
      const { admissions, replies } = harnessOf();
      const admitted = admittedFixture();
      await admissions.admit([{ admitted, join: { keyId: "k1" } }]);
      await replies.cancel(refOfAdmitted(admitted), newReaderId());
      expect(
        await admissions.joinable(fixtureTenant, "k1", admitted.bodyHash, newReaderId()),
      ).toBeNull();
    });
  });
}
