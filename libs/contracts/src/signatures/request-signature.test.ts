import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  firstSignatureOf,
  signatureOf,
  signedForm,
  signedHeaders,
  type SignedMessage,
} from "./request-signature.ts";

interface Vector {
  readonly name: string;
  readonly topicPrefix: string;
  readonly topic: string;
  readonly keyId: string;
  readonly secret: string;
  readonly issuedAt: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly valueBase64: string;
  readonly signature: string;
  readonly firstSignature: string;
}

// The signatures were computed with Python's hmac and hashlib, the first ones with openssl.
const path = join(import.meta.dirname, "../../../../schemas/request-signature.vectors.json");
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the test fails on any other shape
const { vectors } = JSON.parse(readFileSync(path, "utf8")) as { vectors: readonly Vector[] };

test.each(vectors)(
  "the signatures of the test vector '$name' are computed and accepted",
  (vector) => {
    const { topicPrefix, topic, headers, keyId, secret, issuedAt } = vector;
    const value = Buffer.from(vector.valueBase64, "base64");
    const unsigned = { topicPrefix, topic, value, headers };
    expect(signedHeaders(unsigned, { id: keyId, secret }, issuedAt)).toEqual({
      "sluice-key-id": keyId,
      "sluice-issued-at": String(issuedAt),
      "sluice-signature": vector.signature,
    });
    const message = { ...unsigned, keyId, issuedAt: String(issuedAt) };
    expect(signedForm(message, vector.signature, secret)).toBe("second");
    expect(firstSignatureOf(message, secret)).toBe(vector.firstSignature);
    expect(signedForm(message, vector.firstSignature, secret)).toBe("first");
  },
);

const message: SignedMessage = {
  topicPrefix: "staging.",
  topic: "inference.requested",
  keyId: "demo",
  issuedAt: "1800000000000",
  value: Buffer.from("value"),
  headers: { "correlation-id": "c", traceparent: "t", "x-note": "free" },
};

test.each<readonly [string, Partial<SignedMessage>]>([
  ["prefix", { topicPrefix: "prod." }],
  ["topic", { topic: "inference.admitted" }],
  ["key", { keyId: "other" }],
  ["time", { issuedAt: "1800000000001" }],
  ["value", { value: Buffer.from("Value") }],
  ["correlation id", { headers: { ...message.headers, "correlation-id": "d" } }],
  ["trace", { headers: { ...message.headers, traceparent: "u" } }],
  ["place of the same text", { headers: { "correlation-id": "t", traceparent: "c" } }],
  ["set of headers", { headers: { "correlation-id": "c" } }],
])("a signature over another %s is not accepted", (_, changed) => {
  const signature = signatureOf(message, "secret");
  expect(signedForm({ ...message, ...changed }, signature, "secret")).toBeUndefined();
});

test("headers may be bytes, and those that are not covered may change", () => {
  const headers = { "correlation-id": Buffer.from("c"), traceparent: Buffer.from("t") };
  const signature = signatureOf(message, "secret");
  expect(signedForm({ ...message, headers }, signature, "secret")).toBe("second");
});

test("a signature by another secret, one of another length, and an empty one are not accepted", () => {
  const signature = signatureOf(message, "secret");
  for (const wrong of [signature.slice(1), signature.slice(0, -1), signature.slice(3), "v2.", ""])
    expect(signedForm(message, wrong, "secret")).toBeUndefined();
  expect(signedForm(message, signature, "Secret")).toBeUndefined();
});

test("a first signature is not one of the second form, and the reverse", () => {
  expect(signedForm(message, `v2.${firstSignatureOf(message, "secret")}`, "secret")).toBe(
    undefined,
  );
});
