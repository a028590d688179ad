import {
  type InferenceRequested,
  isFresh,
  replayedAt,
  type SignatureForm,
  signatureHeaders,
  signedForm,
} from "@sluice/contracts";
import type { ApiKey, Declarations } from "@sluice/declarations";
import { type EpochMillis, isRequestId } from "@sluice/domain";
import type { ApiKeys } from "../admission/api-keys.ts";
import { attributionOf, namingRefusalOf } from "../admission/attribution.ts";
import type { Installation } from "../installation.ts";
import { admittedRecordOf, type Candidate } from "../admission/candidate.ts";
import { recordRefusalOf } from "../request/record-check.ts";
import { correlationIdBytesMax, recordBytesMax } from "../request/record-limits.ts";
import { type Refusal, refused } from "../request/refusal.ts";
import { isForgotten } from "./freshness.ts";

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

/** What a message is checked with, and when. */
export interface CheckContext {
  readonly declarations: Declarations;
  /** Signs who pays for the request. */
  readonly attributionSecret: string;
  readonly now: EpochMillis;
}

/** Who signed a message. */
export interface Signer {
  readonly kind: "signer";
  readonly key: ApiKey;
  readonly issuedAt: string;
  readonly form: SignatureForm;
  /** When an operator replayed the message; undefined if that is not proved. */
  readonly replayedAt: EpochMillis | undefined;
}

/**
 * Authenticates a message by its signature. A message that is not authenticated becomes a dead letter: an
 * outcome for it could end another sender's request.
 */
export function signerOf(
  { topic, value, headers }: SignedMessage,
  keys: ApiKeys,
  { topicPrefix, replaySecret }: Pick<Installation, "topicPrefix" | "replaySecret">,
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
  const message = { topicPrefix, topic, keyId, issuedAt, value, headers };
  const form = known && signedForm(message, signature, known.secret);
  if (!known || !form)
    return intakeDeadLetter(
      "INTAKE_SIGNATURE_WRONG",
      "The key is unknown or revoked, or the signature does not match.",
    );
  const replayed = replaySecret === undefined ? undefined : replayedAt(message, replaySecret);
  return { kind: "signer", key: known.key, issuedAt, form, replayedAt: replayed };
}

/** Checks the request of a signer. */
export function checkMessage(
  message: IntakeMessage,
  { key, issuedAt, replayedAt: replayed }: Signer,
  { declarations, attributionSecret, now }: CheckContext,
): IntakeCheck {
  const { record, appendedAt } = message;
  if (!isRequestId(record.requestId))
    return intakeDeadLetter(
      "INTAKE_REQUEST_ID_INVALID",
      "requestId must be 1 to 128 printable ASCII characters without spaces.",
    );

  const arrival = {
    origin: "kafka",
    reply: "none",
    remembered: true,
    correlationId: correlationIdIn(message),
  } as const;
  const attribution = attributionOf(key, record, attributionSecret);
  const candidate = {
    admitted: admittedRecordOf(record, attribution, arrival, now, appendedAt),
    refusal:
      messageRefusalOf(message) ??
      recordRefusalOf(record, declarations) ??
      namingRefusalOf(key, record, "kafka"),
    isStale: !isFresh(issuedAt, appendedAt, replayed) || isForgotten(issuedAt, appendedAt, now),
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
  const given = headers["correlation-id"];
  if (given === undefined || isCorrelationId(given)) return undefined;
  const reason = `Header 'correlation-id' must have at most ${correlationIdBytesMax} bytes of UTF-8, none of them a control character or invisible.`;
  return refused("invalid_header", reason, "correlation-id");
}

function correlationIdIn({ headers }: IntakeMessage): string | null {
  const given = headers["correlation-id"];
  return given === undefined || !isCorrelationId(given) ? null : given.toString();
}

/** The response has the id in a header: a line break in it could end a line of the reader's log. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd]/u;

function isCorrelationId(given: Buffer): boolean {
  return given.length <= correlationIdBytesMax && !unprintable.test(given.toString());
}
