import { expect, test } from "vitest";
import { recordOf } from "./request.ts";

const ask = { messages: [{ role: "user", content: "Hello" }] } as const;

test("a field that a request omits has the contract's default", () => {
  expect(recordOf(ask, "r-1")).toEqual({
    requestId: "r-1",
    model: "auto",
    messages: [
      {
        role: "user",
        content: "Hello",
        parts: null,
        toolCalls: null,
        toolCallId: null,
        name: null,
        members: null,
      },
    ],
    parameters: "{}",
    requirements: {
      requiredAccuracy: null,
      maxLatencyMs: null,
      maxCostNanoUsd: null,
      deadlineAt: null,
      lane: "realtime",
      onDoubt: "retry",
    },
    cache: { mode: "automatic", ttlSeconds: null },
    sessionId: null,
    runId: null,
    stepId: null,
    tags: {},
    operation: "chat",
    inputs: [],
    tokenInputs: [],
    user: null,
    feature: null,
  });
});

test("the content of a message with parts is their text, unless the request sets it", () => {
  const parts = JSON.stringify([
    { type: "text", text: "What is " },
    { type: "image_url", image_url: { url: "https://example.com/a.png" } },
    { type: "text", text: "this?" },
    { type: "refusal", refusal: " No." },
  ]);
  const contentOf = (given: object) =>
    recordOf({ messages: [{ role: "user", parts, ...given }] }, "r-1").messages[0]?.content;
  expect(contentOf({})).toBe("What is this? No.");
  expect(contentOf({ content: "mine" })).toBe("mine");
  for (const wrong of ["[{", "{}", "[null,3]"]) expect(contentOf({ parts: wrong })).toBe("");
});

test("a request for embeddings has texts or tokens as inputs, and no messages", () => {
  const model = "text-embedding-3-small";
  const record = recordOf({ model, operation: "embeddings", inputs: ["Hello"] }, "r-1");
  expect(record).toMatchObject({ operation: "embeddings", messages: [], inputs: ["Hello"] });
  expect(
    recordOf({ model, operation: "embeddings", tokenInputs: [[9906]] }, "r-2").tokenInputs,
  ).toEqual([[9906]]);
  expect(() => recordOf({ model, operation: "embeddings" }, "r-3")).toThrow(
    "inputs or tokenInputs",
  );
  expect(() => recordOf({ model }, "r-4")).toThrow("messages");
});

test("the fields that a request sets are kept, and its parameters become JSON", () => {
  const record = recordOf(
    {
      ...ask,
      requestId: "mine",
      model: "premium",
      parameters: { temperature: 0.2, stop: ["\n"] },
      requirements: { maxCostNanoUsd: 1_000n, onDoubt: "fail" },
      cache: { mode: "refresh" },
      tags: { page: "help" },
    },
    "r-1",
  );
  expect(record).toMatchObject({
    requestId: "mine",
    model: "premium",
    parameters: '{"temperature":0.2,"stop":["\\n"]}',
    requirements: { maxCostNanoUsd: 1_000n, onDoubt: "fail", lane: "realtime" },
    cache: { mode: "refresh", ttlSeconds: null },
    tags: { page: "help" },
  });
});

test.each(["", "two words", "ä", "x".repeat(129)])(
  "the id '%s' is refused before sending, because it would become a dead letter without a response",
  (requestId) => {
    expect(() => recordOf({ ...ask, requestId }, "r-1")).toThrow("requestId");
  },
);

test("a request without messages is refused before sending", () => {
  expect(() => recordOf({ messages: [] }, "r-1")).toThrow("at least one message");
});

test("a request may name the user and the feature that pay", () => {
  const named = { user: "ada@acme.example", feature: "search" };
  expect(recordOf({ ...ask, ...named }, "r-1")).toMatchObject(named);
});
