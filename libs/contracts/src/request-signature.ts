import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { EpochMillis } from "@sluice/domain";

/** Names of the headers that sign a message on `inference.requested`. */
export const signatureHeaders = {
  keyId: "sluice-key-id",
  /** Milliseconds since 1970, in decimal digits. */
  issuedAt: "sluice-issued-at",
  signature: "sluice-signature",
} as const;

/** An API key `sk-sluice-<id>-<secret>` in its parts. */
export interface SigningKey {
  readonly id: string;
  readonly secret: string;
}

/** The fields that a signature covers. */
export interface SignedMessage {
  /** Without the installation's prefix. */
  readonly topic: string;
  readonly keyId: string;
  /** As the header has it. */
  readonly issuedAt: string;
  readonly value: Buffer;
}

/**
 * Returns the lower-case hex of HMAC-SHA256 over topic, key id, issued-at and the hex SHA-256 of
 * the value, joined by line feeds. The key is the secret in UTF-8.
 * The folder schemas/ has test vectors for other implementations.
 */
export function signatureOf(
  { topic, keyId, issuedAt, value }: SignedMessage,
  secret: string,
): string {
  const valueHash = createHash("sha256").update(value).digest("hex");
  return createHmac("sha256", secret)
    .update([topic, keyId, issuedAt, valueHash].join("\n"))
    .digest("hex");
}

/**
 * Returns whether the signature is that of the message. Compares signatures of the right length in
 * constant time, because a comparison that ends at the first wrong digit reveals the right one.
 */
export function isSignedBy(message: SignedMessage, signature: string, secret: string): boolean {
  const expected = Buffer.from(signatureOf(message, secret));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/**
 * Returns the headers that prove which key produced `value`. Ingress accepts them up to 5 minutes
 * from the time at which the broker appends the message.
 *
 * @param topic without the installation's prefix
 */
export function signedHeaders(
  topic: string,
  value: Buffer,
  { id, secret }: SigningKey,
  now: EpochMillis,
): Readonly<Record<string, string>> {
  const issuedAt = String(now);
  return {
    [signatureHeaders.keyId]: id,
    [signatureHeaders.issuedAt]: issuedAt,
    [signatureHeaders.signature]: signatureOf({ topic, keyId: id, issuedAt, value }, secret),
  };
}
