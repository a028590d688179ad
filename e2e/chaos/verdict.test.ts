import { expect, test } from "vitest";
import type { RequestRecord } from "../load/steady-load.ts";
import type { Step } from "./plan.ts";
import {
  type CheckpointObservation,
  checkpointViolations,
  type StepObservation,
  stepViolations,
} from "./verdict.ts";

const step: Step = {
  number: 1,
  calmSeconds: 2,
  first: { target: "kafka", action: { kind: "kill" } },
  second: null,
};
const recovered: StepObservation = {
  ...{ step, notBack: [], backSeconds: 6.5, openAtReturn: 90, answeredSeconds: 4 },
  ...{ unanswered: [], groupsSeconds: 8, brokenGroups: [], readySeconds: 2, notReady: [] },
  otherExits: [],
};
const answered: RequestRecord = {
  ...{ key: "r-1", transport: "http", startedAt: 1_000, endedAt: 2_000, tries: 1 },
  end: { kind: "answered" },
};
const settled: CheckpointObservation = {
  requests: [answered],
  ...{ kafkaOutcomes: [], windows: [], breaches: [], repeatedPayments: [], deadLetters: [] },
  ...{ ledgerNanoUsd: 5n, chargedNanoUsd: 5n, groups: [] },
};
const cacheLookup = {
  ...{ group: "cache-lookup", topic: "inference.admitted", state: "Stable" },
  ...{ unread: [], lagMessages: 0 },
};

test("a step after which everything recovers within the limits has no violation", () => {
  expect(stepViolations(recovered)).toEqual([]);
});

test("a target that does not come back is a violation", () => {
  expect(stepViolations({ ...recovered, notBack: ["kafka"] })).toEqual([
    "kafka did not come back after the kill of kafka.",
  ]);
});

test("a request without an answer 15 s after the return is a violation, with its key", () => {
  const [sentence = ""] = stepViolations({ ...recovered, unanswered: ["r-7"] });
  expect(sentence).toContain("1 of 90 waiting requests had no answer");
  expect(sentence).toContain("For example: r-7.");
  expect(stepViolations({ ...recovered, answeredSeconds: 15.1 })).toHaveLength(1);
  expect(stepViolations({ ...recovered, answeredSeconds: 15 })).toEqual([]);
});

test("a group without members is a violation, with its state, partitions and lag", () => {
  const empty = { ...cacheLookup, state: "Empty", unread: [0, 2], lagMessages: 45 };
  expect(stepViolations({ ...recovered, groupsSeconds: 45, brokenGroups: [empty] })).toEqual([
    "Group cache-lookup is Empty: it does not read the partitions 0, 2 of inference.admitted, and its lag is 45, 45.0 s after the kill of kafka.",
  ]);
});

test("groups that have all partitions after more than 30 s are a violation", () => {
  expect(stepViolations({ ...recovered, groupsSeconds: 30 })).toEqual([]);
  expect(stepViolations({ ...recovered, groupsSeconds: 30.1 })).toHaveLength(1);
});

test("a process that is not ready 30 s after the return is a violation", () => {
  expect(stepViolations({ ...recovered, notReady: ["ingress"] })).toEqual([
    "Not ready within 30 s after the kill of kafka: ingress.",
  ]);
});

test("a checkpoint at which everything was answered and paid once has no violation", () => {
  expect(checkpointViolations(settled)).toEqual([]);
});

test("a request that was billed twice is a violation, unless its outcome reports both calls", () => {
  const twice = { requestId: "r-1", billedAttempts: 2, reportedCalls: 1 };
  expect(checkpointViolations({ ...settled, repeatedPayments: [twice] })).toEqual([
    "Request r-1 was billed for 2 attempts, and its outcome reports 1.",
  ]);
  const said = { ...twice, reportedCalls: 2 };
  expect(checkpointViolations({ ...settled, repeatedPayments: [said] })).toEqual([]);
});

test("a ledger that differs from the charges by one nano-dollar is a violation", () => {
  expect(checkpointViolations({ ...settled, ledgerNanoUsd: 6n })).toHaveLength(1);
  expect(checkpointViolations({ ...settled, breaches: ["attempt a is on no bill"] })).toEqual([
    "Breach of an invariant: attempt a is on no bill.",
  ]);
});

test("dead letters and lag without requests under way are violations", () => {
  const deadLetters = [{ topic: "inference.missed", messages: 2 }];
  expect(checkpointViolations({ ...settled, deadLetters })).toHaveLength(1);
  const groups = [cacheLookup, { ...cacheLookup, lagMessages: 3 }];
  expect(checkpointViolations({ ...settled, groups })).toHaveLength(1);
});

test("a request that has no answer or a failure is a violation, but an announced interruption of a stream is not", () => {
  const failed = { kind: "failed", code: "stream_interrupted" } as const;
  const requests: RequestRecord[] = [
    { ...answered, key: "r-1", end: { kind: "unanswered", lastError: "503 unavailable" } },
    { ...answered, key: "r-2", end: failed },
    { ...answered, key: "r-3", end: failed, transport: "http-stream" },
    { ...answered, key: "r-4", end: null, endedAt: null },
  ];
  expect(checkpointViolations({ ...settled, requests })).toEqual([
    "1 request had no answer, the last error being: 503 unavailable. For example: r-1.",
    "1 request failed with stream_interrupted. For example: r-2.",
    "1 request did not end. For example: r-4.",
  ]);
});

test("a request over Kafka without a completed outcome is a violation", () => {
  const requests: RequestRecord[] = [
    { ...answered, key: "r-1", transport: "kafka" },
    { ...answered, key: "r-2", transport: "kafka" },
    { ...answered, key: "r-3", transport: "kafka" },
  ];
  const kafkaOutcomes = [
    { requestId: "r-1", result: "completed", endedAt: 2_000 },
    { requestId: "r-2", result: "deadline_exceeded", endedAt: 2_000 },
  ];
  expect(checkpointViolations({ ...settled, requests, kafkaOutcomes })).toEqual([
    "1 request sent over Kafka failed with deadline_exceeded. For example: r-2.",
    "1 request sent over Kafka had no outcome. For example: r-3.",
  ]);
});

test("an answer is due 15 s after the last fault during which the request waited", () => {
  const late = { ...answered, startedAt: 0, endedAt: 40_000 };
  const windows = [{ from: 5_000, to: 25_000 }];
  expect(checkpointViolations({ ...settled, requests: [late], windows })).toEqual([]);
  const earlier = [{ from: 5_000, to: 24_000 }];
  expect(checkpointViolations({ ...settled, requests: [late], windows: earlier })).toHaveLength(1);
  expect(checkpointViolations({ ...settled, requests: [late, late], windows: earlier })).toEqual([
    "2 requests waited up to 16.0 s after the last fault that they met. The limit is 15 s. For example: r-1, r-1.",
  ]);
  const passed = [{ from: -9_000, to: -1_000 }];
  expect(checkpointViolations({ ...settled, requests: [late], windows: passed })).toHaveLength(1);
});
