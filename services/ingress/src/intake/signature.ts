import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { EpochMillis } from "@sluice/domain";

/** Older than this against the broker's append time, a signature is a recording. */
const ageMaxMs = 5 * 60_000;
/** A dead letter that is replayed keeps its first signature, up to the topic's retention. */
const replayAgeMaxMs = 3 * 24 * 60 * 60_000;

export interface SignedMessage {
  /** Without prefix. */
  readonly topic: string;
  readonly keyId: string;
  /** Milliseconds, as the header gave it. */
  readonly issuedAt: string;
  readonly value: Buffer;
}

/**
 * Lower-case hex of HMAC-SHA256 over topic, key id, issued-at and the hex
 * SHA-256 of the value, joined by line feeds, with the key's secret.
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

/** In constant time for signatures of the right length. */
export function isSignedBy(message: SignedMessage, signature: string, secret: string): boolean {
  const expected = Buffer.from(signatureOf(message, secret));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/**
 * Judged against the append time, not the time of reading: an outage of ours
 * must not refuse the backlog.
 */
export function isFresh(issuedAt: string, appendedAt: EpochMillis, isReplay: boolean): boolean {
  if (!/^\d{1,15}$/.test(issuedAt)) return false;
  const age = appendedAt - Number(issuedAt);
  return Math.abs(age) <= ageMaxMs || (isReplay && age > 0 && age <= replayAgeMaxMs);
}
