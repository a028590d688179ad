import { silentLogger } from "@sluice/stage";
import {
  defaultRequirements,
  firstSignatureOf,
  type InferenceRequested,
  signatureOf,
} from "@sluice/contracts";
import type { Clock } from "@sluice/domain";
import {
  completedOutcome,
  InMemoryAdmissions,
  InMemoryOutcomes,
  InMemoryRateLimits,
  InMemoryRequests,
} from "@sluice/request-state";
import { type Delivery, deliveryOf, type Effect } from "@sluice/stage";
import { aCompletion, aRequest, anAdmission } from "@sluice/testing/fixtures";
import { Registry } from "prom-client";
import { expect, test, vi } from "vitest";
import { ApiKeys } from "../admission/api-keys.ts";
import { limitedBy, someDeclarations } from "../declarations.fixture.ts";
import { RequestLimits } from "../limits/request-limits.ts";
import { IngressMetrics } from "../metrics.ts";
import { IntakeStage } from "./intake.stage.ts";

const now = 1_800_000_000_000;
const hourAgo = now - 60 * 60_000;
const clock: Clock = { now: () => now };
const topic = "inference.requested";
const attributionSecret = "a secret of ingress and accountant";
const installation = { topicPrefix: "prod.", replaySecret: undefined, attributionSecret };

function messageOf(
  changed: Partial<InferenceRequested>,
  issuedAt = now,
  sign = signatureOf,
): Delivery<InferenceRequested> {
  const value = Buffer.from("the bytes of the record");
  const signed = { ...installation, topic, keyId: "k1", issuedAt: String(issuedAt), value };
  const headers = {
    "sluice-key-id": Buffer.from("k1"),
    "sluice-issued-at": Buffer.from(signed.issuedAt),
    "sluice-signature": Buffer.from(sign({ ...signed, headers: {} }, "one-secret-of-search")),
  };
  return deliveryOf(aRequest(changed), { topic, value, headers, appendedAt: now });
}

function withFakes(declarations = someDeclarations(), inFlightMax = 1_000) {
  const requests = new InMemoryRequests(clock);
  const admissions = new InMemoryAdmissions(requests);
  const outcomes = new InMemoryOutcomes(requests);
  const metrics = new IngressMetrics(new Registry());
  const rateLimits = new InMemoryRateLimits(requests);
  const limits = new RequestLimits(rateLimits, declarations, clock, metrics);
  const keys = new ApiKeys(declarations, silentLogger);
  const warnings: object[] = [];
  const warn = (fields: object) => void warnings.push(fields);
  const logger = { warn };
  const stage = new IntakeStage(
    ...([keys, declarations, admissions, outcomes, limits, rateLimits, inFlightMax] as const),
    ...([clock, metrics, installation, logger] as const),
  );
  return { stage, admissions, outcomes, rateLimits, metrics, warnings };
}

/** The topic that a message is published to, the code of its dead letter, or "skip". */
function resultOf(effect: Effect): string | undefined {
  if (effect.kind === "emit") return effect.messages[0]?.topic.name;
  return effect.kind === "dead-letter" ? effect.code : effect.kind;
}

test("one slice with every kind of message has one effect for each, in order", async () => {
  const { stage, admissions, outcomes, metrics } = withFakes();
  const slice = [
    messageOf({ requestId: "new" }),
    messageOf({ requestId: "wrong", model: "gpt-17" }),
    messageOf({ requestId: "late", requirements: { ...defaultRequirements, deadlineAt: now } }),
    messageOf({ requestId: "stale" }, hourAgo),
    { ...messageOf({ requestId: "unsigned" }), headers: {} },
    messageOf({ requestId: "new", model: "premium" }),
  ];
  const effects = await stage.process(slice);
  expect(effects.map(resultOf)).toEqual([
    "inference.admitted",
    "inference.responded",
    "inference.responded",
    "INTAKE_SIGNATURE_STALE",
    "INTAKE_UNSIGNED",
    "INTAKE_ANOTHER_BODY",
  ]);
  const { values } = await metrics.decisions.get();
  expect(values.map(({ labels, value }) => [labels.decision, labels.reason, value])).toEqual([
    ["admit", "kafka", 1],
    ["decline", "kafka", 2],
    ["dead-letter", "kafka", 3],
  ]);
  // A stale message of an unknown request leaves no trace, so its id can still be used.
  const unknown = anAdmission({ request: aRequest({ requestId: "stale" }) });
  expect(await admissions.find([unknown])).toEqual([null]);

  await stage.settled(slice, effects);
  const again = await stage.process([messageOf({ requestId: "new" }, hourAgo)]);
  expect(again.map(resultOf)).toEqual(["skip"]);
  const outcome = completedOutcome(anAdmission({ request: aRequest({ requestId: "new" }) }), {
    ...{ completed: aCompletion(), attempts: 1, lookup: null, decisions: [], completedAt: now },
  });
  await outcomes.claim([outcome], "decision");
  const answered = await stage.process([messageOf({ requestId: "new" })]);
  expect(answered.map(resultOf)).toEqual(["inference.responded"]);
});

test("a redelivery before the acknowledgement publishes the same records again", async () => {
  const { stage } = withFakes();
  const slice = [
    messageOf({ requestId: "new" }),
    messageOf({ requestId: "wrong", model: "gpt-17" }),
  ];
  const recordsOf = (effects: readonly Effect[]) =>
    effects.flatMap((effect) =>
      effect.kind === "emit" ? effect.messages.map(({ record }) => record) : [],
    );
  const first = recordsOf(await stage.process(slice));
  expect(first).toHaveLength(2);
  expect(recordsOf(await stage.process(slice))).toEqual(first);
});

test("a message that is not signed by a known key is refused before it is decoded, and counted", async () => {
  const { stage, metrics } = withFakes();
  const signed = messageOf({});
  const codeOf = (changed: object) => stage.refuseUndecoded({ ...signed, ...changed })?.code;
  expect(codeOf({})).toBeUndefined();
  expect(codeOf({ headers: {} })).toBe("INTAKE_UNSIGNED");
  expect(codeOf({ value: Buffer.from("other bytes") })).toBe("INTAKE_SIGNATURE_WRONG");
  const { values } = await metrics.decisions.get();
  expect(values).toMatchObject([{ labels: { decision: "dead-letter" }, value: 2 }]);
});

test("signatures are counted by their form, and each key of the first form is logged once", async () => {
  const { stage, metrics, warnings } = withFakes();
  for (let count = 0; count < 3; count += 1)
    expect(stage.refuseUndecoded(messageOf({}, now, firstSignatureOf))).toBeUndefined();
  expect(stage.refuseUndecoded(messageOf({}))).toBeUndefined();
  const { values } = await metrics.signatures.get();
  expect(values.map(({ labels, value }) => [labels.form, value])).toEqual([
    ["first", 3],
    ["second", 1],
  ]);
  expect(warnings).toEqual([{ keyId: "k1" }]);
});

test("a slice of dead letters needs no round trip to Redis", async () => {
  const { stage, admissions, outcomes } = withFakes();
  const unavailable = async (): Promise<never> => {
    throw new Error("It was called.");
  };
  Object.assign(admissions, { admit: unavailable, find: unavailable });
  Object.assign(outcomes, { claim: unavailable });
  const effects = await stage.process([{ ...messageOf({}), headers: {} }]);
  expect(effects.map(resultOf)).toEqual(["INTAKE_UNSIGNED"]);
});

/** The code and the time to wait of each decline that the effects publish. */
function declinesIn(effects: readonly Effect[]): readonly unknown[] {
  return effects.flatMap((effect) =>
    effect.kind === "emit" && resultOf(effect) === "inference.responded"
      ? effect.messages.map(({ record }) => record)
      : [],
  );
}

function requestsTo(count: number, first = 0): readonly Delivery<InferenceRequested>[] {
  return Array.from({ length: count }, (_, index) =>
    messageOf({ requestId: `r-${first + index}` }),
  );
}

test("a request above a limit is declined with the time to wait, and a redelivery is not counted again", async () => {
  const limits = "limits: [{ id: all, requestsPerMinute: 2 }]";
  const { stage, metrics } = withFakes(limitedBy(limits));
  const first = await stage.process(requestsTo(2));
  const again = await stage.process(requestsTo(2));
  expect([...first, ...again].map(resultOf)).toEqual(Array(4).fill("inference.admitted"));
  const [refused] = declinesIn(await stage.process(requestsTo(1, 2)));
  expect(refused).toMatchObject({
    outcome: "declined",
    refused: { code: "rate_limit_exceeded", retryAfterMs: 30_000 },
  });
  const { values } = await metrics.decisions.get();
  expect(values.map(({ labels, value }) => [labels.decision, value])).toEqual([
    ["admit", 4],
    ["decline", 1],
  ]);
});

test("a prompt that a key sends too often is declined", async () => {
  const { stage } = withFakes(limitedBy("loops: { samePromptPerMinute: 1 }"));
  const [, looping] = await stage.process(requestsTo(2));
  expect(declinesIn([looping!])).toMatchObject([{ refused: { code: "loop_detected" } }]);
});

test("a tenant that has its share of the work in flight is shed, until some of it has ended", async () => {
  const { stage, outcomes, metrics } = withFakes(someDeclarations(), 2);
  const effects = await stage.process(requestsTo(3));
  expect(effects.map(resultOf)).toEqual([
    ...["inference.admitted", "inference.admitted", "inference.responded"],
  ]);
  expect(declinesIn(effects)).toMatchObject([
    { outcome: "declined", refused: { code: "shed", retryAfterMs: 5_000 } },
  ]);
  const { values } = await metrics.decisions.get();
  expect(values.map(({ labels, value }) => [labels.decision, value])).toContainEqual(["shed", 1]);
  const again = await stage.process(requestsTo(2));
  expect(again.map(resultOf)).toEqual(["inference.admitted", "inference.admitted"]);

  const ended = anAdmission({ request: aRequest({ requestId: "r-0" }) });
  const completed = { completed: aCompletion(), attempts: 1, lookup: null, decisions: [] };
  await outcomes.claim(
    [completedOutcome({ ...ended }, { ...completed, completedAt: now })],
    "decision",
  );
  expect((await stage.process(requestsTo(1, 3))).map(resultOf)).toEqual(["inference.admitted"]);
});

test("slices of several partitions share the work in flight, and one that fails does not stop the next", async () => {
  const { stage, rateLimits } = withFakes(someDeclarations(), 2);
  const slices = [0, 10, 20].map((first) => stage.process(requestsTo(2, first)));
  const effects = (await Promise.all(slices)).flat();
  expect(effects.map(resultOf).filter((result) => result === "inference.admitted")).toHaveLength(2);
  const take = vi.spyOn(rateLimits, "inFlight").mockRejectedValueOnce(new Error("gone"));
  await expect(stage.process(requestsTo(1, 30))).rejects.toThrow("gone");
  expect((await stage.process(requestsTo(1, 31))).map(resultOf)).toEqual(["inference.responded"]);
  expect(take).toHaveBeenCalledTimes(2);
});
