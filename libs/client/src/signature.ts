import { createHash, createHmac } from "node:crypto";
import type { EpochMillis } from "@sluice/domain";
import { SluiceError } from "./errors.ts";

export interface SigningKey {
  readonly id: string;
  readonly secret: string;
}

/**
 * @param apiKey `sk-sluice-<key id>-<secret>`; there is no `-` in an id.
 * @throws SluiceError `CLIENT_MISCONFIGURED`, which does not repeat the key
 */
export function signingKeyOf(apiKey: string): SigningKey {
  const [, id, secret] = /^sk-sluice-([^-\s]+)-(\S+)$/.exec(apiKey) ?? [];
  if (id !== undefined && secret !== undefined) return { id, secret };
  throw new SluiceError("CLIENT_MISCONFIGURED", "The API key is malformed.", {
    remedy: "Give it whole, as sk-sluice-<key id>-<secret>.",
  });
}

/**
 * Headers that prove who produced `value`: lower-case hex of HMAC-SHA256 over topic, key
 * id, issued-at and the hex SHA-256 of the value, joined by line feeds. Sluice accepts them
 * up to 5 min from the time at which the broker appends the message.
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
  return { "sluice-key-id": id, "sluice-issued-at": issuedAt, "sluice-signature": signature };
}
