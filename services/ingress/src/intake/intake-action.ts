import type { InferenceAdmitted, InferenceResponded } from "@sluice/contracts";
import type { AdmissionDecision, RefusedBecause } from "../admission/admit.ts";
import type { Refusal } from "../request/refusal.ts";
import { type IntakeDeadLetter, intakeDeadLetter } from "./intake-check.ts";

/** What intake does with a message. The kinds are also the label `decision` of `admission_decisions_total`. */
export type IntakeAction =
  | { readonly kind: "admit"; readonly admitted: InferenceAdmitted }
  | { readonly kind: "answer"; readonly outcome: InferenceResponded }
  | { readonly kind: "decline"; readonly admitted: InferenceAdmitted; readonly refusal: Refusal }
  | { readonly kind: "skip"; readonly reason: string }
  | IntakeDeadLetter;

/** Translates a decision for Kafka, on which a sender does not wait for an answer. Pure. */
export function intakeActionOf(decision: AdmissionDecision): IntakeAction {
  switch (decision.kind) {
    case "admit":
      return { kind: "admit", admitted: decision.admitted };
    case "answer":
      return { kind: "answer", outcome: decision.outcome };
    case "join":
      return decision.isAcknowledged
        ? { kind: "skip", reason: "the request runs already" }
        : { kind: "admit", admitted: decision.admitted };
    case "decline":
      return decision;
    case "refuse":
      return refusedActionOf(decision.because);
    default:
      return decision satisfies never;
  }
}

function refusedActionOf(because: RefusedBecause): IntakeAction {
  switch (because) {
    case "another-body":
      return intakeDeadLetter(
        "INTAKE_ANOTHER_BODY",
        "The request id belongs to a request with another body. An outcome for this message would end that request.",
      );
    case "answer-expired":
      return { kind: "skip", reason: "the answer was published and has expired" };
    case "stale-signature":
      return intakeDeadLetter(
        "INTAKE_SIGNATURE_STALE",
        "sluice-issued-at must be within 5 minutes of the message's append time, and the message younger than the 3 days for which ids are known.",
      );
    default:
      return because satisfies never;
  }
}
