import { completedOutcome } from "@sluice/request-state";
import { aCompletion, anAdmission } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import type { AdmissionDecision } from "../admission/admit.ts";
import { refused } from "../request/refusal.ts";
import { type IntakeAction, intakeActionOf } from "./intake-action.ts";

const admitted = anAdmission();
const refusal = refused("model_not_found", "There is no such model.", "model");
const outcome = completedOutcome(admitted, {
  ...{ completed: aCompletion(), attempts: 1, lookup: null, decisions: [], completedAt: 1 },
});

test.each<readonly [string, AdmissionDecision, Partial<IntakeAction>]>([
  ["a new request is admitted", { kind: "admit", admitted }, { kind: "admit", admitted }],
  [
    "a joined request is admitted again if its record may not have reached the brokers",
    { kind: "join", admitted, isAcknowledged: false },
    { kind: "admit", admitted },
  ],
  [
    "a joined request is skipped if the brokers have its record",
    { kind: "join", admitted, isAcknowledged: true },
    { kind: "skip" },
  ],
  [
    "an outcome is published",
    { kind: "answer", from: "known-outcome", outcome },
    { kind: "answer", outcome },
  ],
  [
    "a declined request ends with an outcome",
    { kind: "decline", admitted, refusal },
    { kind: "decline", admitted, refusal },
  ],
  [
    "a message with the id of another body becomes a dead letter",
    { kind: "refuse", because: "another-body" },
    { kind: "dead-letter", code: "INTAKE_ANOTHER_BODY" },
  ],
  [
    "a message with a stale signature becomes a dead letter",
    { kind: "refuse", because: "stale-signature" },
    { kind: "dead-letter", code: "INTAKE_SIGNATURE_STALE" },
  ],
  [
    "a message whose answer has expired is skipped",
    { kind: "refuse", because: "answer-expired" },
    { kind: "skip" },
  ],
])("%s", (_, decision, action) => {
  expect(intakeActionOf(decision)).toMatchObject(action);
});
