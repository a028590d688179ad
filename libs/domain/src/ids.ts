import { hash } from "node:crypto";

export type RequestId = string & { readonly brand: "RequestId" };
export type AttemptId = string & { readonly brand: "AttemptId" };
export type ChargeId = string & { readonly brand: "ChargeId" };

/** How the usage of an attempt became known. A saving is the usage that a hit avoided. */
export type ChargeKind = "reported" | "estimated" | "saving";

/** A hit makes no provider call. Its saving is metered with this attempt number. */
export const hitAttemptNumber = 0;

/**
 * Returns SHA-256 over the fields, cut to 16 bytes, in lower-case hex. Each field is preceded by its
 * length in bytes (4 bytes, big-endian), so that ("ab", "c") and ("a", "bc") differ. If there is a
 * tenant, it is the first field, so that two tenants never share an id or a store key.
 */
export function hashOf(...fields: readonly string[]): string {
  return hash("sha256", lengthPrefixed(fields), "hex").slice(0, 32);
}

/** Returns the key of a request's messages, so that all its records share a partition of each topic. */
export function partitionKeyOf(tenant: string, requestId: string): string {
  return hashOf(tenant, requestId);
}

/** Returns the id of an attempt. It covers `admittedAt`, because a request id that is used again after its record has expired is a new request. */
export function attemptIdOf(
  tenant: string,
  requestId: string,
  admittedAt: number,
  attemptNumber: number,
): AttemptId {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- branding
  return hashOf(tenant, requestId, String(admittedAt), String(attemptNumber)) as AttemptId;
}

/** Returns the id of a charge. The ledger accepts each id once. */
export function chargeIdOf(attemptId: string, kind: ChargeKind): ChargeId {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- branding
  return hashOf(attemptId, kind) as ChargeId;
}

/** Returns whether the text is 1 to 128 printable ASCII characters, which fit a header, a log line and a key. */
export function isRequestId(text: string): text is RequestId {
  return /^[\x21-\x7e]{1,128}$/.test(text);
}

/**
 * Returns the fields as bytes, each preceded by its length in bytes (4 bytes, big-endian). Uses one buffer. Passing the
 * fields to a hash one by one takes several times as long, and each request needs a dozen hashes.
 */
export function lengthPrefixed(fields: readonly string[]): Buffer {
  const sizes = fields.map((field) => Buffer.byteLength(field));
  const bytes = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + 4 + size, 0));
  let at = 0;
  for (const [index, field] of fields.entries()) {
    at = bytes.writeUInt32BE(sizes[index]!, at);
    at += bytes.write(field, at);
  }
  return bytes;
}
