import { expect, test } from "vitest";
import { isFresh, isSignedBy, signatureOf } from "./signature.ts";

const message = {
  topic: "inference.requested",
  keyId: "demo",
  issuedAt: "1800000000000",
  value: Buffer.from("value"),
};

test("a signature equals the HMAC that other tools compute over topic, key, time and hash of the value", () => {
  // printf 'inference.requested\\ndemo\\n1800000000000\\n%s' "$(printf value | sha256sum | cut -c1-64)" \\
  //   | openssl dgst -sha256 -hmac secret
  const signature = "e4a9df6a8b7d7980a995552c81e331dafcfdd0413c1ef32da9482194e4217210";
  expect(signatureOf(message, "secret")).toBe(signature);
  expect(isSignedBy(message, signature, "secret")).toBe(true);
});

test.each([
  ["topic", { ...message, topic: "inference.admitted" }],
  ["key", { ...message, keyId: "other" }],
  ["time", { ...message, issuedAt: "1800000000001" }],
  ["value", { ...message, value: Buffer.from("Value") }],
])("a signature over another %s is wrong", (_, other) => {
  expect(isSignedBy(other, signatureOf(message, "secret"), "secret")).toBe(false);
});

test("a signature with another secret, another length, or none at all is wrong", () => {
  const signature = signatureOf(message, "secret");
  expect(isSignedBy(message, signature, "Secret")).toBe(false);
  expect(isSignedBy(message, signature.slice(1), "secret")).toBe(false);
  expect(isSignedBy(message, "", "secret")).toBe(false);
});

const now = 1_800_000_000_000;
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

test("a signature is fresh up to five minutes before and after the append time", () => {
  expect(isFresh(String(now - 5 * minuteMs), now, false)).toBe(true);
  expect(isFresh(String(now + 5 * minuteMs), now, false)).toBe(true);
  expect(isFresh(String(now - 5 * minuteMs - 1), now, false)).toBe(false);
  expect(isFresh(String(now + 5 * minuteMs + 1), now, false)).toBe(false);
});

test("the signature of a replayed dead letter is fresh for three days, but not from the future", () => {
  expect(isFresh(String(now - 3 * dayMs), now, true)).toBe(true);
  expect(isFresh(String(now - 3 * dayMs - 1), now, true)).toBe(false);
  expect(isFresh(String(now + 6 * minuteMs), now, true)).toBe(false);
});

test.each(["", "soon", "-1", "1e12", " 1800000000000", "1800000000000000"])(
  "'%s' is not a time of issue, so the signature is not fresh",
  (issuedAt) => {
    expect(isFresh(issuedAt, now, true)).toBe(false);
  },
);
