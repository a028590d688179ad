import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { replayedAt, topics } from "@sluice/contracts";
import type { RawMessage } from "@sluice/stage";
import { afterAll, expect, test } from "vitest";
import {
  provedMessage,
  replayableLetterOf,
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

const minuteMs = 60_000;

/** Returns whether a replay vouches for a message with these headers and times of the original record. */
function isVouchedFor(
  code: string,
  { issuedAt, appendedAt }: { readonly issuedAt?: number; readonly appendedAt?: number },
  given: Partial<Vouching> = {},
  more: RawMessage["headers"] = {},
): boolean {
  const headers = {
    "dead-letter-code": code,
    ...(issuedAt !== undefined && { "sluice-issued-at": String(issuedAt) }),
    ...(appendedAt !== undefined && { "dead-letter-appended-at": String(appendedAt) }),
    ...more,
  };
  const letter = { ...message, headers: { ...message.headers, ...headers } };
  return replayableLetterOf(topics.inferenceRequested, letter, { ...vouching, ...given })
    .isVouchedFor;
}

const waiting = { issuedAt: now - 60 * minuteMs, appendedAt: now - 56 * minuteMs };
const sentAgain = { issuedAt: now - 60 * minuteMs, appendedAt: now - 50 * minuteMs };

test("a replay of everything vouches for what was fresh when it arrived, whatever made it a dead letter", () => {
  for (const code of ["CONTRACT_SCHEMA_UNKNOWN", "STAGE_HANDLER_FAILED"]) {
    expect(isVouchedFor(code, waiting)).toBe(true);
    expect(isVouchedFor(code, sentAgain)).toBe(false);
    expect(isVouchedFor(code, sentAgain, { isChosen: true })).toBe(true);
  }
  expect(isVouchedFor("INTAKE_SIGNATURE_STALE", waiting)).toBe(false);
  expect(isVouchedFor("INTAKE_SIGNATURE_STALE", sentAgain, { isChosen: true })).toBe(true);
});

test("a letter without its time of arrival is vouched for only if the operator chose it", () => {
  const { issuedAt } = waiting;
  expect(isVouchedFor("STAGE_HANDLER_FAILED", { issuedAt })).toBe(false);
  const absurd = { "dead-letter-appended-at": "soon" };
  expect(isVouchedFor("STAGE_HANDLER_FAILED", { issuedAt }, {}, absurd)).toBe(false);
  expect(isVouchedFor("STAGE_HANDLER_FAILED", { issuedAt }, { isChosen: true })).toBe(true);
});

test("a letter that became one again is vouched for if an operator had replayed it just before", () => {
  const replayOf = (at: number, by = secret) => {
    const { "sluice-signature": _, ...rest } = message.headers;
    const issued = { ...rest, "sluice-issued-at": String(sentAgain.issuedAt) };
    const first = { ...message, headers: { ...issued, "sluice-signature": "right" } };
    const proved = provedMessage(first, "inference.requested/1/7", { ...vouching, secret: by }, at);
    return isVouchedFor("STAGE_HANDLER_FAILED", sentAgain, {}, proved.headers);
  };
  expect(replayOf(sentAgain.appendedAt - minuteMs)).toBe(true);
  expect(replayOf(sentAgain.appendedAt - 6 * minuteMs)).toBe(false);
  expect(replayOf(sentAgain.appendedAt - minuteMs, "another secret")).toBe(false);
});

test("ingress refuses a message without a signature anyway, and other topics have none", () => {
  expect(isVouchedFor("INTAKE_UNSIGNED", {})).toBe(true);
  expect(isVouchedFor("INTAKE_UNSIGNED", {}, { secret: undefined })).toBe(false);
  const other = replayableLetterOf(topics.costMetered, message, { ...vouching, secret: undefined });
  expect(other.isVouchedFor).toBe(true);
});

test("letters without a proof are counted, with the remedy", () => {
  const letter = (code: string | null, isVouched = false) => ({
    ...replayableLetterOf(topics.inferenceRequested, message, vouching),
    ...{ code, isVouchedFor: isVouched },
  });
  const letters = [letter("A_1"), letter("A_1"), letter("B_2"), letter(null), letter("C_3", true)];
  expect(unprovedNote(letters, vouching)).toMatch(
    /: 4\. .* with --code A_1 or --code B_2 or their position\.\n$/,
  );
  const without = { secret: undefined };
  expect(unprovedNote(letters, without)).toMatch(/: 4\. Set SLUICE_REPLAY_SECRET/);
  expect(unprovedNote([letter("A_1", true)], vouching)).toBe("");
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
