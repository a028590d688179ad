import { describe, expect, test } from "vitest";
import { admit, type OutcomeHarness } from "./contract-harness.fixture.ts";
import { refOfAdmitted } from "../request-ref.ts";
import {
  admittedFixture,
  answeredFixture,
  failedFixture,
  fixtureTenant,
} from "./records.fixture.ts";
import { withoutMessages } from "../without-messages.ts";

export function admissionsContract(name: string, harnessOf: () => OutcomeHarness): void {
  describe(`admissions: ${name}`, () => {
    test("the first admission of an id is kept, and a repeat receives the same record", async () => {
      const { admissions } = harnessOf();
      const admitted = admittedFixture();
      const later = { ...admitted, admittedAt: admitted.admittedAt + 5_000 };
      expect(await admissions.admit([{ admitted }, { admitted: later }])).toEqual([
        { kind: "first", admitted },
        { kind: "repeat", admitted, acknowledged: false, outcome: null, answerGone: false },
      ]);
    });

    test("of a hundred concurrent admissions of an id exactly one is the first", async () => {
      const { admissions } = harnessOf();
      const admitted = admittedFixture();
      const answers = await Promise.all(
        Array.from({ length: 100 }, () => admissions.admit([{ admitted }])),
      );
      const kinds = answers.map(([answer]) => answer!.kind);
      expect(kinds.filter((kind) => kind === "first")).toHaveLength(1);
      expect(kinds.filter((kind) => kind === "repeat")).toHaveLength(99);
    });

    test("an id with another body is a conflict and changes nothing", async () => {
      const { admissions } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      const other = { ...admitted, bodyHash: "another" };
      expect(await admissions.admit([{ admitted: other }])).toEqual([{ kind: "conflict" }]);
      expect(await admissions.find([ref])).toMatchObject([{ bodyHash: admitted.bodyHash }]);
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
      const outcome = answeredFixture(admitted, "a dam");
      await outcomes.claim([outcome], "decision");
      const kept = withoutMessages(admitted);
      const known = { admitted: kept, acknowledged: true, outcome, answerGone: false };
      expect(await admissions.admit([{ admitted }])).toEqual([{ kind: "repeat", ...known }]);
      expect(await admissions.find([ref])).toEqual([{ bodyHash: admitted.bodyHash, ...known }]);
    });

    test("messages are kept only as long as a repeat may have to publish them", async () => {
      const { admissions, outcomes } = harnessOf();
      const [acknowledged, ended] = [admittedFixture(), admittedFixture()];
      const refs = [await admit(harnessOf(), acknowledged), await admit(harnessOf(), ended)];
      const outcome = answeredFixture(ended, "a dam");
      await outcomes.claim([outcome], "hit");
      expect(await admissions.find(refs)).toMatchObject([
        { admitted: acknowledged },
        { admitted: ended },
      ]);
      await admissions.acknowledge([refs[0]!]);
      await outcomes.published([outcome]);
      expect(await admissions.find(refs)).toMatchObject([
        { admitted: withoutMessages(acknowledged) },
        { admitted: withoutMessages(ended) },
      ]);
    });

    test("an expired answer is distinguished from a request that still runs", async () => {
      const { admissions, outcomes, forgetAnswer } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      await outcomes.claim([answeredFixture(admitted, "a dam")], "decision");
      await forgetAnswer(ref);
      expect(await admissions.find([ref])).toMatchObject([{ outcome: null, answerGone: true }]);
    });

    test("an id that was never admitted is unknown, and a lookup does not change that", async () => {
      const { admissions } = harnessOf();
      const admitted = admittedFixture();
      const ref = refOfAdmitted(admitted);
      expect(await admissions.find([ref])).toEqual([null]);
      await admissions.acknowledge([ref]);
      expect(await admissions.find([ref])).toEqual([null]);
      expect(await admissions.admit([{ admitted }])).toMatchObject([{ kind: "first" }]);
    });

    test("a request that the store lost and a claim has ended is not admitted again", async () => {
      const { admissions, outcomes, forget } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      await forget(ref);
      const outcome = failedFixture(admitted);
      await outcomes.claim([outcome], "decision");
      expect(await admissions.admit([{ admitted }])).toMatchObject([
        { kind: "repeat", acknowledged: true, outcome },
      ]);
    });

    test("a retry without a key joins the request of the same key and body while it runs", async () => {
      const { admissions, outcomes } = harnessOf();
      const admitted = admittedFixture();
      const { bodyHash, request } = admitted;
      await admissions.admit([{ admitted, join: { keyId: "k1" } }]);
      expect(await admissions.joinable(fixtureTenant, "k1", bodyHash)).toBe(request.requestId);
      expect(await admissions.joinable(fixtureTenant, "k2", bodyHash)).toBeNull();
      expect(await admissions.joinable(fixtureTenant, "k1", "another")).toBeNull();
      await outcomes.claim([answeredFixture(admitted, "a dam")], "decision");
      expect(await admissions.joinable(fixtureTenant, "k1", bodyHash)).toBe(request.requestId);
    });

    test("a retry does not join a failed request, and the next admission can be joined instead", async () => {
      const { admissions, outcomes } = harnessOf();
      const failed = admittedFixture();
      const { bodyHash } = failed;
      await admissions.admit([{ admitted: failed, join: { keyId: "k1" } }]);
      await outcomes.claim([failedFixture(failed)], "decision");
      expect(await admissions.joinable(fixtureTenant, "k1", bodyHash)).toBeNull();
      const next = admittedFixture({ bodyHash });
      await admissions.admit([{ admitted: next, join: { keyId: "k1" } }]);
      expect(await admissions.joinable(fixtureTenant, "k1", bodyHash)).toBe(next.request.requestId);
    });

    test("a retry does not join a request whose client has disconnected", async () => {
      const { admissions, replies } = harnessOf();
      const admitted = admittedFixture();
      await admissions.admit([{ admitted, join: { keyId: "k1" } }]);
      await replies.cancel(refOfAdmitted(admitted));
      expect(await admissions.joinable(fixtureTenant, "k1", admitted.bodyHash)).toBeNull();
    });
  });
}
