import { hash } from "node:crypto";

export type RequestId = string & { readonly brand: "RequestId" };
export type AttemptId = string & { readonly brand: "AttemptId" };
export type ChargeId = string & { readonly brand: "ChargeId" };

/** How an attempt's usage became known; a saving is what a hit avoided. */
export type ChargeKind = "reported" | "estimated" | "saving";

/** A hit calls nobody; it is metered as this attempt. */
export const hitAttemptNumber = 0;

/**
 * SHA-256 over the fields, each preceded by its length in bytes (4 bytes,
 * big-endian), cut to 16 bytes, as lower-case hex. The lengths keep ("ab", "c")
 * and ("a", "bc") apart. The first field is the tenant wherever there is one,
 * so that no two tenants can meet in one id or store key.
 */
export function hashOf(...fields: readonly string[]): string {
  return hash("sha256", withLengths(fields), "hex").slice(0, 32);
}

/** The key of every internal topic: all records of a request share a partition. */
export function partitionKeyOf(tenant: string, requestId: string): string {
  return hashOf(tenant, requestId);
}

/** `admittedAt` is part of it: a request id reused after its memory has expired is a new request. */
export function attemptIdOf(
  tenant: string,
  requestId: string,
  admittedAt: number,
  attemptNumber: number,
): AttemptId {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- branding
  return hashOf(tenant, requestId, String(admittedAt), String(attemptNumber)) as AttemptId;
}

export function chargeIdOf(attemptId: string, kind: ChargeKind): ChargeId {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- branding
  return hashOf(attemptId, kind) as ChargeId;
}

/** 1 to 128 printable ASCII characters, so that an id fits a header, a log line and a key. */
export function isRequestId(text: string): text is RequestId {
  return /^[\x21-\x7e]{1,128}$/.test(text);
}

/** In one buffer: a hash fed piece by piece costs several times as much, and every request needs a dozen. */
function withLengths(fields: readonly string[]): Buffer {
  const sizes = fields.map((field) => Buffer.byteLength(field));
  const bytes = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + 4 + size, 0));
  let at = 0;
  for (const [index, field] of fields.entries()) {
    at = bytes.writeUInt32BE(sizes[index]!, at);
    at += bytes.write(field, at);
  }
  return bytes;
}
