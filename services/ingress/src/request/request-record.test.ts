import { defaultRequirements } from "@sluice/contracts";
import { aRequest } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import { bodyHashOf, idempotentRequestId } from "./request-record.ts";

const now = 1_800_000_000_000;
const embeddings = aRequest({
  ...{ operation: "embeddings", model: "embeddings", messages: [], inputs: ["a", "b"] },
});

test("two requests with the same body are the same, even with different ids and deadlines", () => {
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
])("a request with another %s has another body", (_, other) => {
  expect(bodyHashOf("acme", other)).not.toBe(bodyHashOf("acme", aRequest()));
});

test("the same body or idempotency key of another tenant or team is another request", () => {
  expect(bodyHashOf("globex", aRequest())).not.toBe(bodyHashOf("acme", aRequest()));
  const id = idempotentRequestId("acme", "search", "k");
  expect(idempotentRequestId("acme", "search", "k")).toBe(id);
  expect(idempotentRequestId("acme", "labs", "k")).not.toBe(id);
  expect(idempotentRequestId("globex", "search", "k")).not.toBe(id);
});

test("two requests for embeddings are the same only if their inputs are, in order and form", () => {
  const { inputs: _inputs, operation: _operation, tokenInputs: _tokens, ...before } = aRequest();
  const hashes = [
    embeddings,
    { ...embeddings, inputs: ["b", "a"] },
    { ...embeddings, inputs: [], tokenInputs: [[1]] },
    { ...embeddings, operation: "chat" as const },
  ].map((request) => bodyHashOf("acme", request));
  expect(new Set(hashes).size).toBe(4);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the form of a record before embeddings existed
  expect(bodyHashOf("acme", aRequest())).toBe(bodyHashOf("acme", before as typeof embeddings));
});
