import { expect, test } from "vitest";
import { isFresh, type ReplayedMessage, replayedAt, replayHeadersOf } from "./replay-signature.ts";
import { signedHeaders } from "./request-signature.ts";

const secret = "the operator's";
const at = 1_800_000_000_000;
const topicPrefix = "prod.";
const position = "inference.requested/1/7";

function letterOf(text: string, keySecret = "one-secret"): ReplayedMessage {
  const unsigned = { topicPrefix, topic: "inference.requested", value: Buffer.from(text) };
  const key = { id: "k1", secret: keySecret };
  return { topicPrefix, headers: signedHeaders({ ...unsigned, headers: {} }, key, at - 1_000) };
}

const letter = letterOf("the bytes");
const proof = replayHeadersOf(letter, position, secret, at);
const replayed = (headers: object, of = letter) =>
  replayedAt({ ...of, headers: { ...of.headers, ...headers } }, secret);

test("the headers of a replay prove when it was made", () => {
  expect(replayed(proof)).toBe(at);
  const bytes = Object.entries(proof).map(([name, text]) => [name, Buffer.from(text)]);
  expect(replayed(Object.fromEntries(bytes))).toBe(at);
});

test.each<readonly [string, object]>([
  ["another topic", { "sluice-replay-of": "cost.metered/1/7" }],
  ["another partition", { "sluice-replay-of": "inference.requested/2/7" }],
  ["another offset", { "sluice-replay-of": "inference.requested/1/8" }],
  ["a negative offset", { "sluice-replay-of": "inference.requested/1/-7" }],
  ["no position", { "sluice-replay-of": "" }],
  ["another time", { "sluice-replay-at": String(at + 1) }],
  ["a negative time", { "sluice-replay-at": `-${at}` }],
  ["a huge time", { "sluice-replay-at": "9".repeat(400) }],
  ["a time with a blank", { "sluice-replay-at": ` ${at}` }],
  ["no time", { "sluice-replay-at": undefined }],
  ["no signature", { "sluice-replay-signature": undefined }],
  ["a torn signature", { "sluice-replay-signature": proof["sluice-replay-signature"]!.slice(1) }],
  ["another key", { "sluice-key-id": "k2" }],
  ["another time of issue", { "sluice-issued-at": String(at) }],
  ["another sender's signature", { "sluice-signature": "0".repeat(64) }],
])("%s proves nothing", (_, changed) => {
  expect(replayed({ ...proof, ...changed })).toBeUndefined();
});

test("the proof of one letter proves nothing of another one, or in another installation", () => {
  for (const other of [letterOf("other bytes"), letterOf("the bytes", "another-secret")])
    expect(replayed(proof, other)).toBeUndefined();
  expect(replayed(proof, { ...letter, topicPrefix: "staging." })).toBeUndefined();
});

test("a producer's own secret makes no proof, and neither do headers of a dead letter", () => {
  expect(replayed(replayHeadersOf(letter, position, "one-secret", at))).toBeUndefined();
  expect(replayed({ "dead-letter-code": "STAGE_HANDLER_FAILED" })).toBeUndefined();
});

const now = at;
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

test("a signature is fresh for five minutes before and after the append time", () => {
  expect(isFresh(String(now - 5 * minuteMs), now, undefined)).toBe(true);
  expect(isFresh(String(now + 5 * minuteMs), now, undefined)).toBe(true);
  expect(isFresh(String(now - 5 * minuteMs - 1), now, undefined)).toBe(false);
  expect(isFresh(String(now + 5 * minuteMs + 1), now, undefined)).toBe(false);
});

test("a replayed dead letter may be three days old, but not from the future", () => {
  expect(isFresh(String(now - 3 * dayMs), now, now)).toBe(true);
  expect(isFresh(String(now - 3 * dayMs - 1), now, now)).toBe(false);
  expect(isFresh(String(now + 6 * minuteMs), now, now)).toBe(false);
});

test("a replay counts for five minutes, so that its recording is worth nothing later", () => {
  const issuedAt = String(now - dayMs);
  for (const offset of [-5 * minuteMs, 0, 5 * minuteMs])
    expect(isFresh(issuedAt, now, now + offset)).toBe(true);
  for (const offset of [-5 * minuteMs - 1, 5 * minuteMs + 1])
    expect(isFresh(issuedAt, now, now + offset)).toBe(false);
});

test.each(["", "soon", "-1", "1e12", " 1800000000000", "1800000000000000"])(
  "'%s' is not a valid time of issue",
  (issuedAt) => {
    expect(isFresh(issuedAt, now, now)).toBe(false);
  },
);
