import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { EpochMillis } from "@sluice/domain";

/** A signature that is older than this when the broker appends the message may be a replay of a recorded message. */
const ageMaxMs = 5 * 60_000;
/** A replayed dead letter keeps its first signature, so it may be as old as the retention of the topic. */
const replayAgeMaxMs = 3 * 24 * 60 * 60_000;

export interface SignedMessage {
  /** Without the installation's prefix. */
  readonly topic: string;
  readonly keyId: string;
  /** Epoch milliseconds, as the text of the header. */
  readonly issuedAt: string;
  readonly value: Buffer;
}

/**
 * Returns the lower-case hex of the HMAC-SHA256, with the key's secret, over topic, key id,
 * issued-at and the hex SHA-256 of the value, joined by line feeds.
 */
export function signatureOf(
  { topic, keyId, issuedAt, value }: SignedMessage,
  secret: string,
): string {
  const bodyHash = createHash("sha256").update(value).digest("hex");
  return createHmac("sha256", secret)
    .update([topic, keyId, issuedAt, bodyHash].join("\n"))
    .digest("hex");
}

/** Compares in constant time if the signature has the right length. */
export function isSignedBy(message: SignedMessage, signature: string, secret: string): boolean {
  const expected = Buffer.from(signatureOf(message, secret));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/**
 * Returns whether a signature is recent enough. It is compared with the append time, not with the
 * time of reading, so that an outage of ingress does not make the backlog stale.
 */
export function isFresh(issuedAt: string, appendedAt: EpochMillis, isReplay: boolean): boolean {
  if (!/^\d{1,15}$/.test(issuedAt)) return false;
  const age = appendedAt - Number(issuedAt);
  return Math.abs(age) <= ageMaxMs || (isReplay && age > 0 && age <= replayAgeMaxMs);
}
