import { createHash, createHmac } from "node:crypto";
import type { EpochMillis } from "@sluice/domain";

export interface SigningKey {
  readonly id: string;
  readonly secret: string;
}

/** @param apiKey `sk-sluice-<key id>-<secret>`; there is no `-` in an id. */
export function signingKeyOf(apiKey: string): SigningKey {
  const match = /^sk-sluice-([^-]+)-(.+)$/.exec(apiKey);
  if (!match) throw new Error("the demo key is not of the form sk-sluice-<key id>-<secret>");
  return { id: match[1]!, secret: match[2]! };
}

/**
 * Headers that prove who produced `value`: lower-case hex of HMAC-SHA256 over topic, key
 * id, issued-at and the hex SHA-256 of the value, joined by line feeds.
 *
 * @param topic without prefix
 */
export function signedHeaders(
  topic: string,
  value: Buffer,
  { id, secret }: SigningKey,
  now: EpochMillis,
): Readonly<Record<string, string>> {
  const issuedAt = String(now);
  const valueHash = createHash("sha256").update(value).digest("hex");
  const signature = createHmac("sha256", secret)
    .update([topic, id, issuedAt, valueHash].join("\n"))
    .digest("hex");
  return {
    "sluice-key-id": id,
    "sluice-issued-at": issuedAt,
    "sluice-signature": signature,
  };
}
