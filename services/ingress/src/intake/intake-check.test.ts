import { silentLogger } from "@sluice/stage";
import {
  firstSignatureOf,
  type InferenceRequested,
  replayHeadersOf,
  signatureOf,
} from "@sluice/contracts";
import { aRequest } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import { someDeclarations } from "../declarations.fixture.ts";
import { ApiKeys } from "../admission/api-keys.ts";
import { acceptedForgeries } from "./forged-replays.fixture.ts";
import { checkMessage, type IntakeCheck, signerOf } from "./intake-check.ts";

const declarations = someDeclarations();
const keys = new ApiKeys(declarations, silentLogger);
const now = 1_800_000_000_000;
const topic = "inference.requested";

const replaySecret = "a secret that no producer has";
const attributionSecret = "a secret of ingress and accountant";
const installation = { topicPrefix: "prod.", replaySecret };
const bytes = Buffer.from("the bytes of the record");

interface Sent {
  /** Replace those that are signed. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signedHeaders?: Readonly<Record<string, string>>;
  readonly signedPrefix?: string;
  readonly issuedAt?: number;
  readonly value?: Buffer;
  readonly readAt?: number;
  /** An operator replays the message at this time. */
  readonly replayedAt?: number;
}

function headersOf(sent: Sent): Readonly<Record<string, string>> {
  const { signedHeaders = sent.headers ?? {}, signedPrefix = "prod.", issuedAt = now } = sent;
  const signed = { topicPrefix: signedPrefix, topic, keyId: "k1", issuedAt: String(issuedAt) };
  const message = { ...signed, value: sent.value ?? bytes, headers: signedHeaders };
  return {
    ...signedHeaders,
    "sluice-key-id": "k1",
    "sluice-issued-at": signed.issuedAt,
    "sluice-signature": signatureOf(message, "one-secret-of-search"),
    ...sent.headers,
  };
}

function checked(
  record: InferenceRequested,
  sent: Sent = {},
  at: Parameters<typeof signerOf>[2] = installation,
): IntakeCheck {
  const { value = bytes, readAt = now + 1_000, replayedAt } = sent;
  const own = headersOf(sent);
  const position = "inference.requested/0/7";
  const replay =
    replayedAt === undefined
      ? {}
      : replayHeadersOf({ topicPrefix: "prod.", headers: own }, position, replaySecret, replayedAt);
  const headers = Object.fromEntries(
    Object.entries({ ...own, ...replay }).map(([name, text]) => [name, Buffer.from(text)]),
  );
  const message = { record, topic, value, headers, appendedAt: now };
  const signer = signerOf(message, keys, at);
  const context = { declarations, attributionSecret, now: readAt };
  return signer.kind === "signer" ? checkMessage(message, signer, context) : signer;
}

const codeOf = (result: IntakeCheck) => (result.kind === "dead-letter" ? result.code : result.kind);

test("a signed request is a candidate with its key's attribution and a deadline in ten minutes", () => {
  const result = checked(aRequest(), { headers: { "correlation-id": "c" } });
  expect(result).toMatchObject({
    kind: "candidate",
    candidate: {
      ...{ isStale: false, refusal: undefined },
      admitted: {
        attribution: { tenant: "acme", team: "search", key: "k1" },
        ...{ origin: "kafka", reply: "none", remembered: true, correlationId: "c" },
        ...{ admittedAt: now + 1_000, deadlineAt: now + 600_000 },
      },
    },
  });
});

test("a name that the key does not allow is a refusal, and the outcome belongs to the key's own user", () => {
  const result = checked(aRequest({ user: "eve" }));
  expect(result).toMatchObject({
    kind: "candidate",
    candidate: {
      refusal: { code: "name_not_allowed", param: "user" },
      admitted: { attribution: { user: "bot" } },
    },
  });
});

test("a message without one of the three headers is unsigned", () => {
  for (const name of ["sluice-key-id", "sluice-issued-at", "sluice-signature"])
    expect(codeOf(checked(aRequest(), { headers: { [name]: "" } }))).toBe("INTAKE_UNSIGNED");
});

test("an unknown, a revoked and another's key are all a wrong signature", () => {
  for (const keyId of ["unknown", "former", "k3"])
    expect(codeOf(checked(aRequest(), { headers: { "sluice-key-id": keyId } }))).toBe(
      "INTAKE_SIGNATURE_WRONG",
    );
});

test("an id that does not fit a header becomes a dead letter, and the signature is checked first", () => {
  const twoWords = aRequest({ requestId: "two words" });
  expect(codeOf(checked(twoWords))).toBe("INTAKE_REQUEST_ID_INVALID");
  expect(codeOf(checked(twoWords, { headers: { "sluice-signature": "0" } }))).toBe(
    "INTAKE_SIGNATURE_WRONG",
  );
});

const twoDaysAgo = now - 48 * 60 * 60_000;
const stale = { candidate: { isStale: true } };
const fresh = { candidate: { isStale: false } };

test("a request with an old signature is stale, unless an operator has just replayed the message", () => {
  const issuedAt = twoDaysAgo;
  expect(checked(aRequest(), { issuedAt })).toMatchObject(stale);
  expect(checked(aRequest(), { issuedAt, replayedAt: now })).toMatchObject(fresh);
  expect(checked(aRequest(), { issuedAt, replayedAt: now - 301_000 })).toMatchObject(stale);
  const at = { ...installation, replaySecret: undefined };
  expect(checked(aRequest(), { issuedAt, replayedAt: now }, at)).toMatchObject(stale);
});

test("headers of a dead letter, which each producer can write, make no replay", () => {
  const headers = { "dead-letter-code": "STAGE_HANDLER_FAILED", "dead-letter-offset": "7" };
  expect(checked(aRequest(), { headers, issuedAt: twoDaysAgo })).toMatchObject(stale);
});

test("no forged replay is fresh", () => {
  expect(acceptedForgeries(1_000, 1)).toEqual([]);
});

test("a recording of another installation is refused, also as a replay", () => {
  const replayedAt = now;
  for (const sent of [{}, { replayedAt }, { issuedAt: twoDaysAgo, replayedAt }]) {
    const recorded = { ...sent, signedPrefix: "staging." };
    expect(codeOf(checked(aRequest(), recorded))).toBe("INTAKE_SIGNATURE_WRONG");
  }
});

test("a correlation id or a trace that was changed, added or removed after signing is refused", () => {
  for (const name of ["correlation-id", "traceparent"]) {
    const signedHeaders = { [name]: "c-7" };
    const changed = checked(aRequest(), { signedHeaders, headers: { [name]: "c-8" } });
    expect(codeOf(changed)).toBe("INTAKE_SIGNATURE_WRONG");
    const added = checked(aRequest(), { signedHeaders: {}, headers: { [name]: "c-8" } });
    expect(codeOf(added)).toBe("INTAKE_SIGNATURE_WRONG");
    expect(codeOf(checked(aRequest(), { signedHeaders }))).toBe("candidate");
  }
});

test("a signature of version 0.1.0 is accepted", () => {
  const signed = { topic, keyId: "k1", issuedAt: String(now), value: bytes };
  const headers = { "sluice-signature": firstSignatureOf(signed, "one-secret-of-search") };
  expect(checked(aRequest(), { headers })).toMatchObject(fresh);
});

test("a message that is read long after it was appended has the deadline of its sender, and later no fresh id", () => {
  const readAfter = (ms: number) => checked(aRequest(), { readAt: now + ms });
  const hourMs = 60 * 60_000;
  expect(readAfter(hourMs)).toMatchObject({
    candidate: { isStale: false, admitted: { deadlineAt: now + 600_000 } },
  });
  expect(readAfter(71 * hourMs)).toMatchObject({ candidate: { isStale: false } });
  expect(readAfter(71 * hourMs + 1)).toMatchObject({ candidate: { isStale: true } });
});

test("a wrong request of an authenticated sender is a candidate with a refusal", () => {
  expect(checked(aRequest({ model: "gpt-17" }))).toMatchObject({
    candidate: { refusal: { code: "model_not_found" } },
  });
});

test("a record that is longer than a body may be is refused", () => {
  expect(checked(aRequest(), { value: Buffer.alloc(768 * 1_024) })).toMatchObject({
    candidate: { refusal: undefined },
  });
  const long = checked(aRequest({ model: "gpt-17" }), { value: Buffer.alloc(768 * 1_024 + 1) });
  expect(long).toMatchObject({
    candidate: {
      refusal: { code: "body_too_large", reason: expect.stringContaining("786432 are allowed") },
    },
  });
});

test.each([
  ["is too long", "c".repeat(1_025)],
  ["has a line break", "c\r\nx-admin: 1"],
  ["has an escape", "\u001b[31mred"],
  ["is invisible", "\u200b"],
  ["turns the text around", "\u202egnp"],
  ["separates lines", "a\u2028b"],
])("a correlation id that %s is refused and not kept", (_, id) => {
  const headers = { "correlation-id": id };
  expect(checked(aRequest({ model: "gpt-17" }), { headers })).toMatchObject({
    candidate: {
      refusal: { code: "invalid_header", reason: expect.stringContaining("correlation-id") },
      admitted: { correlationId: null },
    },
  });
});

test("a correlation id may have every visible character", () => {
  const headers = { "correlation-id": "Größe 7/漢" };
  expect(checked(aRequest(), { headers })).toMatchObject({
    candidate: { refusal: undefined, admitted: { correlationId: "Größe 7/漢" } },
  });
});
