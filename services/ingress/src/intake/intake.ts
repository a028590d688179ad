import {
  type InferenceAdmitted,
  type InferenceRequested,
  isSignedBy,
  signatureHeaders,
} from "@sluice/contracts";
import type { Declarations } from "@sluice/declarations";
import type { EpochMillis } from "@sluice/domain";
import type { Admitted } from "@sluice/request-state";
import { attributionOf, type ApiKeys } from "../admission/api-keys.ts";
import { correlationIdBytesMax, recordBytesMax } from "../request/record-limits.ts";
import {
  bodyHashOf,
  deadlineOf,
  hasValidId,
  type Refusal,
  refusalOf,
} from "../request/requested.ts";
import { isFresh } from "./freshness.ts";

/** Why a message on the request topic becomes a dead letter. */
export type IntakeCode =
  | "INTAKE_UNSIGNED"
  | "INTAKE_SIGNATURE_WRONG"
  | "INTAKE_SIGNATURE_STALE"
  | "INTAKE_REQUEST_ID_INVALID"
  | "INTAKE_ANOTHER_BODY";

/** A message as it stands on the request topic. */
export interface IntakeMessage {
  readonly record: InferenceRequested;
  readonly topic: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, Buffer>>;
  readonly appendedAt: EpochMillis;
}

export type Checked =
  | { readonly kind: "dead-letter"; readonly code: IntakeCode; readonly reason: string }
  | {
      readonly kind: "proven";
      readonly admitted: InferenceAdmitted;
      /** Whether a first sight of it may still be admitted; a repeat is looked up before its age counts. */
      readonly isFresh: boolean;
      /** What is wrong with the request of a sender whom the signature proves. */
      readonly refusal: Refusal | undefined;
    };

/** Who sent it, and whether it can be let in. Pure but for the key ring. */
export function checkIntake(
  message: IntakeMessage,
  keys: ApiKeys,
  declarations: Declarations,
  now: EpochMillis,
): Checked {
  const { record, topic, value, headers, appendedAt } = message;
  const keyId = headers[signatureHeaders.keyId]?.toString() ?? "";
  const issuedAt = headers[signatureHeaders.issuedAt]?.toString() ?? "";
  const signature = headers[signatureHeaders.signature]?.toString() ?? "";
  const correlationId = headers["correlation-id"];
  if (!keyId || !issuedAt || !signature)
    return deadLetter(
      "INTAKE_UNSIGNED",
      "Headers sluice-key-id, sluice-issued-at and sluice-signature are needed.",
    );
  const held = keys.secretOf(keyId);
  if (!held || !isSignedBy({ topic, keyId, issuedAt, value }, signature, held.secret))
    return deadLetter("INTAKE_SIGNATURE_WRONG", "The key is unknown or the signature wrong.");
  if (!hasValidId(record))
    return deadLetter(
      "INTAKE_REQUEST_ID_INVALID",
      "requestId must be 1 to 128 printable ASCII characters without spaces.",
    );

  const isReplay = Object.keys(headers).some((name) => name.startsWith("dead-letter-"));
  const attribution = attributionOf(held.key);
  return {
    kind: "proven",
    isFresh: isFresh(issuedAt, appendedAt, isReplay),
    refusal: tooLarge(message) ?? refusalOf(record, declarations) ?? expired(record, now),
    admitted: {
      request: record,
      attribution,
      admittedAt: now,
      deadlineAt: deadlineOf(record.requirements.deadlineAt, "kafka", now),
      bodyHash: bodyHashOf(attribution.tenant, record),
      origin: "kafka",
      reply: "none",
      remembered: true,
      correlationId: isCorrelationId(correlationId) ? correlationId.toString() : null,
      lookup: null,
      decisions: [],
    },
  };
}

function tooLarge({ value, headers }: IntakeMessage): Refusal | undefined {
  if (value.length > recordBytesMax)
    return {
      code: "body_too_large",
      reason: `The record has ${value.length} bytes, and ${recordBytesMax} are allowed; shorten it.`,
    };
  const correlationId = headers["correlation-id"];
  if (correlationId === undefined || isCorrelationId(correlationId)) return undefined;
  return {
    code: "invalid_header",
    reason: `Header 'correlation-id' must have at most ${correlationIdBytesMax} bytes.`,
  };
}

function isCorrelationId(given: Buffer | undefined): given is Buffer {
  return given !== undefined && given.length <= correlationIdBytesMax;
}

function expired({ requirements }: InferenceRequested, now: EpochMillis): Refusal | undefined {
  if (requirements.deadlineAt === null || requirements.deadlineAt > now) return undefined;
  return {
    code: "deadline_exceeded",
    reason: "The deadline had passed when the request was read; set a later one.",
  };
}

export type Intake =
  | { readonly kind: "admit"; readonly admitted: InferenceAdmitted }
  | { readonly kind: "decline"; readonly admitted: InferenceAdmitted; readonly refusal: Refusal }
  | { readonly kind: "answer"; readonly known: Extract<Admitted, { kind: "repeat" }> }
  | { readonly kind: "skip"; readonly reason: string }
  | { readonly kind: "dead-letter"; readonly code: IntakeCode; readonly reason: string };

/** What follows for a proven message from what was known of its id. Pure. */
export function intakeOf(
  { admitted, refusal }: Extract<Checked, { kind: "proven" }>,
  known: Admitted,
): Intake {
  switch (known.kind) {
    case "conflict":
      return deadLetter(
        "INTAKE_ANOTHER_BODY",
        "The request id belongs to another body; nobody can end another's request with it.",
      );
    case "repeat":
      if (known.outcome) return { kind: "answer", known };
      if (known.answerGone) return { kind: "skip", reason: "the answer was given and has expired" };
      // Before the refusal: what runs already is not declined because a repeat of it comes late.
      if (known.acknowledged) return { kind: "skip", reason: "the request is on its way" };
      if (refusal) return { kind: "decline", admitted: known.admitted, refusal };
      return { kind: "admit", admitted: known.admitted };
    case "first":
      return refusal ? { kind: "decline", admitted, refusal } : { kind: "admit", admitted };
    default:
      return known satisfies never;
  }
}

function deadLetter(
  code: IntakeCode,
  reason: string,
): { readonly kind: "dead-letter"; readonly code: IntakeCode; readonly reason: string } {
  return { kind: "dead-letter", code, reason };
}
