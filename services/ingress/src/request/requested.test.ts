import { defaultRequirements, type InferenceRequested } from "@sluice/contracts";
import { aRequest } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import { someDeclarations } from "../declarations.fixture.ts";
import { bodyHashOf, deadlineOf, idempotentRequestId, refusalOf } from "./requested.ts";

const declarations = someDeclarations();
const now = 1_800_000_000_000;
const hourMs = 60 * 60_000;

test("the same body is the same request, whatever its id and deadline", () => {
  const hash = bodyHashOf("acme", aRequest());
  const requirements = { ...defaultRequirements, deadlineAt: now };
  expect(bodyHashOf("acme", aRequest({ requestId: "r-2", requirements }))).toBe(hash);
});

test.each([
  ["model", aRequest({ model: "premium" })],
  ["parameter", aRequest({ parameters: '{"seed":1}' })],
  ["demand", aRequest({ requirements: { ...defaultRequirements, maxCostNanoUsd: 1n } })],
  ["cache mode", aRequest({ cache: { mode: "refresh", ttlSeconds: null } })],
  ["tag", aRequest({ tags: { a: "b" } })],
])("another %s is another body", (_, other) => {
  expect(bodyHashOf("acme", other)).not.toBe(bodyHashOf("acme", aRequest()));
});

test("bodies and idempotency keys of two tenants never meet", () => {
  expect(bodyHashOf("globex", aRequest())).not.toBe(bodyHashOf("acme", aRequest()));
  const id = idempotentRequestId("acme", "search", "k");
  expect(idempotentRequestId("acme", "search", "k")).toBe(id);
  expect(idempotentRequestId("acme", "labs", "k")).not.toBe(id);
  expect(idempotentRequestId("globex", "search", "k")).not.toBe(id);
});

test("without a deadline it is the way's own, and none is later than 48 hours", () => {
  expect(deadlineOf(null, "http", now)).toBe(now + 120_000);
  expect(deadlineOf(null, "kafka", now)).toBe(now + 600_000);
  expect(deadlineOf(now + hourMs, "http", now)).toBe(now + hourMs);
  expect(deadlineOf(now + 49 * hourMs, "kafka", now)).toBe(now + 48 * hourMs);
});

const codeOf = (request: InferenceRequested) => refusalOf(request, declarations)?.code;

test("auto, a tier and a declared variant are models; nothing else is", () => {
  const known = ["auto", "premium", "small"].map((model) => codeOf(aRequest({ model })));
  expect(known).toEqual([undefined, undefined, undefined]);
  expect(codeOf(aRequest({ model: "gpt-17" }))).toBe("model_not_found");
});

test("a record is refused for what an HTTP body could not say either", () => {
  const [message] = aRequest().messages;
  const ofGod = aRequest({ messages: [{ ...message!, role: "god" }] });
  expect(refusalOf(ofGod, declarations)?.reason).toContain("messages[0].role");
  const torn = aRequest({ messages: [{ ...message!, parts: "[{" }] });
  expect(refusalOf(torn, declarations)?.reason).toContain("messages[0].parts");
  for (const parts of ["", "{}", "null", "3", "[".repeat(1_000), '[{"type":"file"}]'])
    expect(codeOf(aRequest({ messages: [{ ...message!, parts }] }))).toMatch(/^invalid_/);
  const call = aRequest({ messages: [{ ...message!, toolCalls: '[{"id":"c"}]' }] });
  expect(refusalOf(call, declarations)?.reason).toContain("messages[0].toolCalls.0.type");
  const deep = aRequest({ parameters: `{"response_format":${"[".repeat(99)}${"]".repeat(99)}}` });
  expect(refusalOf(deep, declarations)?.reason).toContain("deeper than 64");
  const sure = aRequest({ requirements: { ...defaultRequirements, requiredAccuracy: 2 } });
  expect(refusalOf(sure, declarations)?.code).toBe("invalid_value");
  const unsure = aRequest({
    requirements: { ...defaultRequirements, requiredAccuracy: Number.NaN },
  });
  expect(refusalOf(unsure, declarations)?.code).toBe("invalid_value");
});

test("a reason names what is wrong, but never at the record's own length", () => {
  const parameters = JSON.stringify({ ["x".repeat(700_000)]: 1 });
  const refusal = refusalOf(aRequest({ parameters }), declarations);
  expect(refusal).toMatchObject({ code: "unknown_parameter" });
  expect(refusal!.reason.length).toBeLessThan(1_000);
});

const embeddings = aRequest({
  ...{ operation: "embeddings", model: "embeddings", messages: [], inputs: ["a", "b"] },
});

test("embeddings are refused for what makes no sense of them, by its path", () => {
  expect(refusalOf(embeddings, declarations)).toBeUndefined();
  expect(
    refusalOf({ ...embeddings, inputs: [], tokenInputs: [[1]] }, declarations),
  ).toBeUndefined();
  const wrong: readonly (readonly [Partial<typeof embeddings>, string])[] = [
    [{ inputs: [] }, "'inputs'"],
    [{ inputs: ["a", ""] }, "'inputs.1'"],
    [{ inputs: Array.from({ length: 2_049 }, () => "a") }, "'inputs'"],
    [{ tokenInputs: [[1]] }, "'tokenInputs'"],
    [{ inputs: [], tokenInputs: [[1], [-1]] }, "'tokenInputs.1.0'"],
    [{ messages: aRequest().messages }, "'messages'"],
    [{ parameters: '{"dimensions":0}' }, "'parameters.dimensions'"],
    [{ parameters: '{"encoding_format":"float"}' }, "'parameters.encoding_format'"],
    [{ parameters: '{"temperature":1}' }, "'parameters.temperature'"],
    [{ model: "small" }, "'small' makes no embeddings"],
    [{ model: "nowhere" }, "'nowhere' does not exist"],
  ];
  for (const [change, told] of wrong)
    expect(refusalOf({ ...embeddings, ...change }, declarations)?.reason).toContain(told);
});

test("a chat has no inputs", () => {
  const both = [aRequest({ inputs: ["a"] }), aRequest({ tokenInputs: [[1]] })];
  expect(both.map((request) => refusalOf(request, declarations)?.code)).toEqual([
    "invalid_value",
    "invalid_value",
  ]);
});

test("two requests for embeddings are the same only with the same inputs in the same form", () => {
  const { inputs: _inputs, operation: _operation, tokenInputs: _tokens, ...before } = aRequest();
  const hashes = [
    embeddings,
    { ...embeddings, inputs: ["b", "a"] },
    { ...embeddings, inputs: [], tokenInputs: [[1]] },
    { ...embeddings, operation: "chat" as const },
  ].map((request) => bodyHashOf("acme", request));
  expect(new Set(hashes).size).toBe(4);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as it was before there were embeddings
  expect(bodyHashOf("acme", aRequest())).toBe(bodyHashOf("acme", before as typeof embeddings));
});

test("a demand out of bounds is refused with its path", () => {
  const { code, reason } = refusalOf(aRequest({ tags: { a: "\u0000" } }), declarations)!;
  expect(code).toBe("invalid_value");
  expect(reason).toContain("'tags': expected names of 1 to 64");
});
