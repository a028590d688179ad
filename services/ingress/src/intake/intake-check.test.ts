import { type InferenceRequested, signatureOf } from "@sluice/contracts";
import { aRequest } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import { someDeclarations } from "../declarations.fixture.ts";
import { ApiKeys } from "../admission/api-keys.ts";
import { checkMessage, type IntakeCheck, signerOf } from "./intake-check.ts";

const declarations = someDeclarations();
const keys = new ApiKeys(declarations);
const now = 1_800_000_000_000;
const topic = "inference.requested";

function checked(
  record: InferenceRequested,
  given: Readonly<Record<string, string>> = {},
  issuedAt = now,
  value = Buffer.from("the bytes of the record"),
  readAt = now + 1_000,
): IntakeCheck {
  const signed = { topic, keyId: "k1", issuedAt: String(issuedAt), value };
  const texts = {
    "sluice-key-id": "k1",
    "sluice-issued-at": signed.issuedAt,
    "sluice-signature": signatureOf(signed, "one-secret-of-search"),
    ...given,
  };
  const headers = Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, Buffer.from(text)]),
  );
  const message = { record, topic, value, headers, appendedAt: now };
  const signer = signerOf(message, keys);
  return signer.kind === "signer" ? checkMessage(message, signer, declarations, readAt) : signer;
}

const codeOf = (result: IntakeCheck) => (result.kind === "dead-letter" ? result.code : result.kind);

test("a signed request is a candidate with its key's attribution and a deadline in ten minutes", () => {
  const result = checked(aRequest(), { "correlation-id": "c" });
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

test("a message without one of the three headers is unsigned", () => {
  for (const name of ["sluice-key-id", "sluice-issued-at", "sluice-signature"])
    expect(codeOf(checked(aRequest(), { [name]: "" }))).toBe("INTAKE_UNSIGNED");
});

test("an unknown, a revoked and another's key are all a wrong signature", () => {
  for (const keyId of ["unknown", "former", "k3"])
    expect(codeOf(checked(aRequest(), { "sluice-key-id": keyId }))).toBe("INTAKE_SIGNATURE_WRONG");
});

test("an id that does not fit a header becomes a dead letter, and the signature is checked first", () => {
  const twoWords = aRequest({ requestId: "two words" });
  expect(codeOf(checked(twoWords))).toBe("INTAKE_REQUEST_ID_INVALID");
  expect(codeOf(checked(twoWords, { "sluice-signature": "0" }))).toBe("INTAKE_SIGNATURE_WRONG");
});

test("a request with an old signature is a stale candidate, unless the message is a replay", () => {
  const hourAgo = now - 60 * 60_000;
  expect(checked(aRequest(), {}, hourAgo)).toMatchObject({ candidate: { isStale: true } });
  const replay = { "dead-letter-code": "STAGE_HANDLER_FAILED" };
  expect(checked(aRequest(), replay, hourAgo)).toMatchObject({ candidate: { isStale: false } });
});

test("a message that is read long after it was appended has the deadline of its sender, and later no fresh id", () => {
  const value = Buffer.from("the bytes of the record");
  const readAfter = (ms: number) => checked(aRequest(), {}, now, value, now + ms);
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
  expect(checked(aRequest(), {}, now, Buffer.alloc(768 * 1_024))).toMatchObject({
    candidate: { refusal: undefined },
  });
  const long = checked(aRequest({ model: "gpt-17" }), {}, now, Buffer.alloc(768 * 1_024 + 1));
  expect(long).toMatchObject({
    candidate: {
      refusal: { code: "body_too_large", reason: expect.stringContaining("786432 are allowed") },
    },
  });
});

test("a correlation id that is too long is refused and not kept", () => {
  const long = { "correlation-id": "c".repeat(1_025) };
  expect(checked(aRequest({ model: "gpt-17" }), long)).toMatchObject({
    candidate: {
      refusal: { code: "invalid_header", reason: expect.stringContaining("correlation-id") },
      admitted: { correlationId: null },
    },
  });
});
