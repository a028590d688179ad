import { defaultRequirements, type InferenceRequested, signatureOf } from "@sluice/contracts";
import type { Admitted } from "@sluice/request-state";
import { aRequest, anAdmission } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import { someDeclarations } from "../declarations.fixture.ts";
import { type Checked, checkIntake, type Intake, intakeOf } from "./intake.ts";
import { ApiKeys } from "../admission/api-keys.ts";

const declarations = someDeclarations();
const keys = new ApiKeys(declarations);
const now = 1_800_000_000_000;
const topic = "inference.requested";

function checked(
  record: InferenceRequested,
  given: Readonly<Record<string, string>> = {},
  issuedAt = now,
  value = Buffer.from("the bytes of the record"),
): Checked {
  const signed = { topic, keyId: "k1", issuedAt: String(issuedAt), value };
  const texts = {
    "sluice-key-id": "k1",
    "sluice-issued-at": signed.issuedAt,
    "sluice-signature": signatureOf(signed, "one-secret"),
    ...given,
  };
  const headers = Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, Buffer.from(text)]),
  );
  const message = { record, topic, value, headers, appendedAt: now };
  return checkIntake(message, keys, declarations, now + 1_000);
}

const codeOf = (result: Checked) => (result.kind === "dead-letter" ? result.code : result.kind);

test("a proven request is admitted in the name of its key, ten minutes by default", () => {
  const result = checked(aRequest(), { "correlation-id": "c" });
  expect(result).toMatchObject({
    ...{ kind: "proven", isFresh: true, refusal: undefined },
    admitted: {
      attribution: { tenant: "acme", team: "search", key: "k1" },
      ...{ origin: "kafka", reply: "none", remembered: true, correlationId: "c" },
      ...{ admittedAt: now + 1_000, deadlineAt: now + 601_000 },
    },
  });
});

test("each header is needed", () => {
  for (const name of ["sluice-key-id", "sluice-issued-at", "sluice-signature"])
    expect(codeOf(checked(aRequest(), { [name]: "" }))).toBe("INTAKE_UNSIGNED");
});

test("an unknown, a revoked and another's key are all a wrong signature", () => {
  for (const keyId of ["nobody", "former", "k3"])
    expect(codeOf(checked(aRequest(), { "sluice-key-id": keyId }))).toBe("INTAKE_SIGNATURE_WRONG");
});

test("an id that fits no header is parked; nothing is said of a sender who is not proven", () => {
  const twoWords = aRequest({ requestId: "two words" });
  expect(codeOf(checked(twoWords))).toBe("INTAKE_REQUEST_ID_INVALID");
  expect(codeOf(checked(twoWords, { "sluice-signature": "0" }))).toBe("INTAKE_SIGNATURE_WRONG");
});

test("an old signature is proven and not fresh, unless the message is a replay", () => {
  const hourAgo = now - 60 * 60_000;
  expect(checked(aRequest(), {}, hourAgo)).toMatchObject({ kind: "proven", isFresh: false });
  const replay = { "dead-letter-code": "STAGE_HANDLER_FAILED" };
  expect(checked(aRequest(), replay, hourAgo)).toMatchObject({ isFresh: true });
});

test("a deadline that has passed, or a wrong request, is a refusal of a proven sender", () => {
  const late = aRequest({ requirements: { ...defaultRequirements, deadlineAt: now } });
  expect(checked(late)).toMatchObject({ refusal: { code: "deadline_exceeded" } });
  expect(checked(aRequest({ model: "gpt-17" }))).toMatchObject({
    refusal: { code: "model_not_found" },
  });
});

test("a record longer than a body may be, and a correlation id that is no id, are refused to a proven sender", () => {
  expect(checked(aRequest(), {}, now, Buffer.alloc(768 * 1_024))).toMatchObject({
    refusal: undefined,
  });
  expect(checked(aRequest(), {}, now, Buffer.alloc(768 * 1_024 + 1))).toMatchObject({
    refusal: { code: "body_too_large", reason: expect.stringContaining("786432 are allowed") },
  });
  expect(checked(aRequest(), { "correlation-id": "c".repeat(1_025) })).toMatchObject({
    refusal: { code: "invalid_header", reason: expect.stringContaining("correlation-id") },
    admitted: { correlationId: null },
  });
});

type Proven = Extract<Checked, { kind: "proven" }>;

function provenOf(result: Checked): Proven {
  if (result.kind === "proven") return result;
  throw new Error(`It was parked as ${result.code}.`);
}

const proven = provenOf(checked(aRequest()));
const refused = { ...proven, refusal: { code: "model_not_found", reason: "No." } };
const first = anAdmission({ admittedAt: now - 60_000 });
const repeat = (changed: object = {}): Admitted => ({
  ...{ kind: "repeat", admitted: first, acknowledged: false, outcome: null, answerGone: false },
  ...changed,
});

test.each<readonly [string, Proven, Admitted, Partial<Intake>]>([
  ["the first sight admits", proven, { kind: "first", admitted: first }, { kind: "admit" }],
  [
    "a refused first sight is declined",
    refused,
    { kind: "first", admitted: first },
    { kind: "decline" },
  ],
  ["another body is parked", proven, { kind: "conflict" }, { kind: "dead-letter" }],
  [
    "an unacknowledged repeat is admitted by its first record",
    proven,
    repeat(),
    { kind: "admit", admitted: first },
  ],
  [
    "what is on its way is left alone, even by a repeat that comes late",
    refused,
    repeat({ acknowledged: true }),
    { kind: "skip" },
  ],
  ["an expired answer is not made again", proven, repeat({ answerGone: true }), { kind: "skip" }],
])("%s", (_, message, known, expected) => {
  expect(intakeOf(message, known)).toMatchObject(expected);
});
