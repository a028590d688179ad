import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { EpochMillis } from "@sluice/domain";

/** Names of the headers that sign a message on `inference.requested`. */
export const signatureHeaders = {
  keyId: "sluice-key-id",
  /** Milliseconds since 1970, in decimal digits. */
  issuedAt: "sluice-issued-at",
  signature: "sluice-signature",
} as const;

/** Headers that a signature covers, in its order. Sluice copies them into later messages. */
const coveredHeaders = ["correlation-id", "traceparent"] as const;

/** A signature of this form begins with it. The first form has no mark, and is accepted until version 0.3.0. */
const mark = "v2.";

/** Version 0.1.0 signed neither the prefix of the topic nor the covered headers. */
export type SignatureForm = "first" | "second";

/** An API key `sk-sluice-<id>-<secret>` in its parts. */
export interface SigningKey {
  readonly id: string;
  readonly secret: string;
}

type Headers = Readonly<Record<string, string | Buffer | undefined>>;

/** The fields that a signature covers. */
export interface SignedMessage {
  /** The installation's prefix of all topics. */
  readonly topicPrefix: string;
  /** Without the prefix. */
  readonly topic: string;
  readonly keyId: string;
  /** As the header has it. */
  readonly issuedAt: string;
  readonly value: Buffer;
  /** All headers of the message. If one occurs several times, its last value. */
  readonly headers: Headers;
}

/**
 * Returns `v2.` and the lower-case hex of HMAC-SHA256 over `v2`, the topic with its prefix, the key id,
 * issued-at, the hex SHA-256 of the value, and that of `correlation-id` and of `traceparent` or an empty
 * field for a header that is not sent, joined by line feeds. The key is the secret in UTF-8.
 * The folder schemas/ has test vectors for other implementations.
 */
export function signatureOf(message: SignedMessage, secret: string): string {
  const { topicPrefix, topic, keyId, issuedAt, value, headers } = message;
  const covered = coveredHeaders.map((name) => {
    const given = headers[name];
    return given === undefined ? "" : sha256(given);
  });
  const fields = ["v2", topicPrefix + topic, keyId, issuedAt, sha256(value), ...covered];
  return mark + hmac(fields, secret);
}

/** Returns the signature that version 0.1.0 made. */
export function firstSignatureOf(
  { topic, keyId, issuedAt, value }: Pick<SignedMessage, "topic" | "keyId" | "issuedAt" | "value">,
  secret: string,
): string {
  return hmac([topic, keyId, issuedAt, sha256(value)], secret);
}

/**
 * Returns the form of the signature if it is that of the message, and undefined if it is not. Compares
 * signatures of the right length in constant time, because a comparison that ends at the first wrong digit
 * reveals the right one.
 */
export function signedForm(
  message: SignedMessage,
  signature: string,
  secret: string,
): SignatureForm | undefined {
  const form = signature.startsWith(mark) ? "second" : "first";
  const expected =
    form === "second" ? signatureOf(message, secret) : firstSignatureOf(message, secret);
  return isSame(signature, expected) ? form : undefined;
}

/** A message to sign, with the headers that are sent with it. */
export type UnsignedMessage = Pick<SignedMessage, "topicPrefix" | "topic" | "value" | "headers">;

/**
 * Returns the headers that prove which key produced the message. Ingress accepts them up to 5 minutes
 * from the time at which the broker appends the message.
 */
export function signedHeaders(
  message: UnsignedMessage,
  { id, secret }: SigningKey,
  now: EpochMillis,
): Readonly<Record<string, string>> {
  const issuedAt = String(now);
  return {
    [signatureHeaders.keyId]: id,
    [signatureHeaders.issuedAt]: issuedAt,
    [signatureHeaders.signature]: signatureOf({ ...message, keyId: id, issuedAt }, secret),
  };
}

function sha256(bytes: string | Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Returns the lower-case hex of HMAC-SHA256 over the fields, joined by line feeds. */
export function hmac(fields: readonly string[], secret: string): string {
  return createHmac("sha256", secret).update(fields.join("\n")).digest("hex");
}

/** Compares texts of the same length in constant time. */
export function isSame(given: string, expected: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}
