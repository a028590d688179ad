import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { replayedAt, topics } from "@sluice/contracts";
import type { RawMessage } from "@sluice/stage";
import { afterAll, expect, test } from "vitest";
import { deadLetterOf } from "./dead-letter.ts";
import {
  isVouchedFor,
  provedMessage,
  replaySecretOf,
  unprovedNote,
  type Vouching,
} from "./replay-proof.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-replay-proof-"));
afterAll(() => rmSync(folder, { recursive: true }));

const now = 1_800_000_000_000;
const secret = "s".repeat(32);
const vouching: Vouching = { topicPrefix: "prod.", secret, isChosen: false };
const message: RawMessage = {
  topic: "inference.requested.dead-letter",
  partition: 1,
  offset: 7n,
  key: null,
  value: Buffer.from("value"),
  headers: { "sluice-signature": [Buffer.from("wrong"), Buffer.from("right")], "x-note": "kept" },
  appendedAt: now,
};

test("a replayed request has a proof over its last signature, and keeps its own headers", () => {
  const { headers } = provedMessage(message, "inference.requested/1/7", vouching, now);
  expect(headers).toMatchObject(message.headers);
  expect(headers["sluice-replay-of"]).toBe("inference.requested/1/7");
  const read = { ...headers, "sluice-signature": "right" };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the only header with two values is replaced
  const proved = { topicPrefix: "prod.", headers: read as Record<string, string> };
  expect(replayedAt(proved, secret)).toBe(now);
});

test("messages of other topics, and all without a secret, are copied unchanged", () => {
  const other = { ...message, topic: "cost.metered.dead-letter" };
  expect(provedMessage(other, "cost.metered/1/7", vouching, now)).toBe(other);
  const without = { ...vouching, secret: undefined };
  expect(provedMessage(message, "inference.requested/1/7", without, now)).toBe(message);
});

test("a letter with a stale signature is made fresh only if the operator chose it", () => {
  const stale = { topic: "inference.requested", code: "INTAKE_SIGNATURE_STALE" };
  expect(isVouchedFor(stale, vouching)).toBe(false);
  expect(isVouchedFor(stale, { ...vouching, isChosen: true })).toBe(true);
  expect(isVouchedFor({ ...stale, code: "INTAKE_UNSIGNED" }, vouching)).toBe(true);
  expect(isVouchedFor({ ...stale, topic: "cost.metered" }, vouching)).toBe(true);
});

test("letters without a proof are counted, with the remedy", () => {
  const headers = { ...message.headers, "dead-letter-code": "INTAKE_SIGNATURE_STALE" };
  const letter = deadLetterOf(topics.inferenceRequested, { ...message, headers });
  expect(unprovedNote([letter], vouching)).toContain("--code INTAKE_SIGNATURE_STALE");
  const without = { ...vouching, secret: undefined };
  expect(unprovedNote([letter, letter], without)).toMatch(/: 2\. Set SLUICE_REPLAY_SECRET/);
  expect(unprovedNote([letter], { ...vouching, isChosen: true })).toBe("");
});

test("the environment's secret precedes that of the local stack, and a short one is refused", () => {
  expect(replaySecretOf(folder, {})).toBeUndefined();
  mkdirSync(join(folder, "secrets"));
  writeFileSync(join(folder, "secrets", "replay-secret"), "local".repeat(8));
  expect(replaySecretOf(folder, {})).toBe("local".repeat(8));
  expect(replaySecretOf(folder, { SLUICE_REPLAY_SECRET: secret })).toBe(secret);
  expect(() => replaySecretOf(folder, { SLUICE_REPLAY_SECRET: "short" })).toThrow(
    "SLUICE_REPLAY_SECRET: must have at least 32 characters",
  );
});
