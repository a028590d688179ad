import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isSignedBy, signatureOf, signedHeaders } from "./request-signature.ts";

interface Vector {
  readonly name: string;
  readonly topicPrefix?: string;
  readonly topic: string;
  readonly keyId: string;
  readonly secret: string;
  readonly issuedAt: number;
  readonly valueBase64: string;
  readonly signature: string;
}

// The signatures were computed with openssl:
// printf 'inference.requested\ndemo\n1800000000000\n%s' "$(printf value | sha256sum | cut -c1-64)" \
//   | openssl dgst -sha256 -hmac secret
const path = join(import.meta.dirname, "../../../schemas/request-signature.vectors.json");
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the test fails on any other shape
const { vectors } = JSON.parse(readFileSync(path, "utf8")) as { vectors: readonly Vector[] };

test.each(vectors)(
  "the signature of the test vector '$name' is computed and accepted",
  (vector) => {
    const { topic, keyId, secret, issuedAt, signature } = vector;
    const value = Buffer.from(vector.valueBase64, "base64");
    expect(signedHeaders(topic, value, { id: keyId, secret }, issuedAt)).toEqual({
      "sluice-key-id": keyId,
      "sluice-issued-at": String(issuedAt),
      "sluice-signature": signature,
    });
    const message = { topic, keyId, issuedAt: String(issuedAt), value };
    expect(isSignedBy(message, signature, secret)).toBe(true);
  },
);

test("a signature over the topic with its prefix is not accepted", () => {
  const prefixed = vectors.filter(({ topicPrefix }) => topicPrefix !== undefined);
  expect(prefixed).toHaveLength(1);
  const { topic, topicPrefix, keyId, secret, issuedAt, valueBase64 } = prefixed[0]!;
  const value = Buffer.from(valueBase64, "base64");
  const message = { topic, keyId, issuedAt: String(issuedAt), value };
  const over = signatureOf({ ...message, topic: `${topicPrefix}${topic}` }, secret);
  expect(isSignedBy(message, over, secret)).toBe(false);
});

const message = {
  topic: "inference.requested",
  keyId: "demo",
  issuedAt: "1800000000000",
  value: Buffer.from("value"),
};

test.each([
  ["topic", { ...message, topic: "inference.admitted" }],
  ["key", { ...message, keyId: "other" }],
  ["time", { ...message, issuedAt: "1800000000001" }],
  ["value", { ...message, value: Buffer.from("Value") }],
])("a signature over another %s is not accepted", (_, other) => {
  expect(isSignedBy(other, signatureOf(message, "secret"), "secret")).toBe(false);
});

test("a signature by another secret, one of another length, and an empty one are not accepted", () => {
  const signature = signatureOf(message, "secret");
  expect(isSignedBy(message, signature, "Secret")).toBe(false);
  expect(isSignedBy(message, signature.slice(1), "secret")).toBe(false);
  expect(isSignedBy(message, "", "secret")).toBe(false);
});
