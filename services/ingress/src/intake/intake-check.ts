import { type InferenceRequested, isSignedBy, signatureHeaders } from "@sluice/contracts";
import type { ApiKey, Declarations } from "@sluice/declarations";
import { type EpochMillis, isRequestId } from "@sluice/domain";
import { attributionOf, type ApiKeys } from "../admission/api-keys.ts";
import { admittedRecordOf, type Candidate } from "../admission/candidate.ts";
import { recordRefusalOf } from "../request/record-check.ts";
import { correlationIdBytesMax, recordBytesMax } from "../request/record-limits.ts";
import { type Refusal, refused } from "../request/refusal.ts";
import { isForgotten, isFresh } from "./freshness.ts";

/** Why a message on the request topic becomes a dead letter. */
export type IntakeCode =
  | "INTAKE_UNSIGNED"
  | "INTAKE_SIGNATURE_WRONG"
  | "INTAKE_SIGNATURE_STALE"
  | "INTAKE_REQUEST_ID_INVALID"
  | "INTAKE_ANOTHER_BODY";

/** The bytes of a message of the request topic, and what its signature is checked with. */
export interface SignedMessage {
  /** Without the installation's prefix. */
  readonly topic: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, Buffer>>;
}

/** A message of the request topic; deliveries have these members. */
export interface IntakeMessage extends SignedMessage {
  readonly record: InferenceRequested;
  readonly appendedAt: EpochMillis;
}

export interface IntakeDeadLetter {
  readonly kind: "dead-letter";
  readonly code: IntakeCode;
  readonly reason: string;
}

export type IntakeCheck =
  | IntakeDeadLetter
  | { readonly kind: "candidate"; readonly candidate: Candidate };

/** Who signed a message. */
export interface Signer {
  readonly kind: "signer";
  readonly key: ApiKey;
  readonly issuedAt: string;
}

/**
 * Authenticates a message by its signature. A message that is not authenticated becomes a dead letter: an
 * outcome for it could end another sender's request.
 */
export function signerOf(
  { topic, value, headers }: SignedMessage,
  keys: ApiKeys,
): Signer | IntakeDeadLetter {
  const keyId = headers[signatureHeaders.keyId]?.toString() ?? "";
  const issuedAt = headers[signatureHeaders.issuedAt]?.toString() ?? "";
  const signature = headers[signatureHeaders.signature]?.toString() ?? "";
  if (!keyId || !issuedAt || !signature)
    return intakeDeadLetter(
      "INTAKE_UNSIGNED",
      "The headers sluice-key-id, sluice-issued-at and sluice-signature are required.",
    );
  const known = keys.secretOf(keyId);
  if (!known || !isSignedBy({ topic, keyId, issuedAt, value }, signature, known.secret))
    return intakeDeadLetter(
      "INTAKE_SIGNATURE_WRONG",
      "The key is unknown or revoked, or the signature does not match.",
    );
  return { kind: "signer", key: known.key, issuedAt };
}

/** Checks the request of a signer. */
export function checkMessage(
  message: IntakeMessage,
  { key, issuedAt }: Signer,
  declarations: Declarations,
  now: EpochMillis,
): IntakeCheck {
  const { record, headers, appendedAt } = message;
  if (!isRequestId(record.requestId))
    return intakeDeadLetter(
      "INTAKE_REQUEST_ID_INVALID",
      "requestId must be 1 to 128 printable ASCII characters without spaces.",
    );

  const isReplay = Object.keys(headers).some((name) => name.startsWith("dead-letter-"));
  const arrival = {
    origin: "kafka",
    reply: "none",
    remembered: true,
    correlationId: correlationIdIn(message),
  } as const;
  const candidate = {
    admitted: admittedRecordOf(record, attributionOf(key), arrival, now, appendedAt),
    refusal: messageRefusalOf(message) ?? recordRefusalOf(record, declarations),
    isStale: !isFresh(issuedAt, appendedAt, isReplay) || isForgotten(issuedAt, appendedAt, now),
  };
  return { kind: "candidate", candidate };
}

export function intakeDeadLetter(code: IntakeCode, reason: string): IntakeDeadLetter {
  return { kind: "dead-letter", code, reason };
}

function messageRefusalOf({ value, headers }: IntakeMessage): Refusal | undefined {
  if (value.length > recordBytesMax) {
    const reason = `The record has ${value.length} bytes, and ${recordBytesMax} are allowed; shorten it.`;
    return refused("body_too_large", reason, null);
  }
  if (!isTooLong(headers["correlation-id"])) return undefined;
  const reason = `Header 'correlation-id' must have at most ${correlationIdBytesMax} bytes.`;
  return refused("invalid_header", reason, "correlation-id");
}

function correlationIdIn({ headers }: IntakeMessage): string | null {
  const given = headers["correlation-id"];
  return given === undefined || isTooLong(given) ? null : given.toString();
}

function isTooLong(correlationId: Buffer | undefined): boolean {
  return correlationId !== undefined && correlationId.length > correlationIdBytesMax;
}
