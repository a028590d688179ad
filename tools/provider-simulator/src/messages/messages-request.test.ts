import { describe, expect, it } from "vitest";
import { ApiError } from "../api-error.ts";
import { parseMessagesRequest } from "./messages-request.ts";
import type { ApiVersion } from "./request-headers.ts";
import { signatureOf } from "./signature.ts";

const base = {
  model: "sim-anthropic-standard",
  max_tokens: 2_000,
  messages: [{ role: "user", content: "Hi" }],
};
const text = (words: string, more: object = {}) => ({ type: "text", text: words, ...more });
const user = (...content: object[]) => ({ role: "user", content });
const assistant = (...content: object[]) => ({ role: "assistant", content });
const call = (id: string) => ({ type: "tool_use", id, name: "pay", input: {} });
const result = (id: string, content: unknown = "done") => ({
  ...{ type: "tool_result", tool_use_id: id, content },
});
const marked = (words: string, ttl: string = "5m") =>
  text(words, { cache_control: { type: "ephemeral", ttl } });
const tool = { name: "pay", input_schema: { type: "object" } };
const image = { type: "image", source: { type: "url", url: "https://example.com/a.png" } };
const thinks = { thinking: { type: "enabled", budget_tokens: 1_024 } };
const thought = (words: string, signature = signatureOf(words, words)) => ({
  ...{ type: "thinking", thinking: words, signature },
});
const after = (...messages: object[]) => ({ messages: [...base.messages, ...messages] });

describe("a request that Anthropic refuses names the wrong member", () => {
  it.each<[string, object]>([
    ["max_tokens", { max_tokens: undefined }],
    ["max_tokens", { max_tokens: 0 }],
    ["model", { model: undefined }],
    ["messages", { messages: [] }],
    ["n", { n: 2 }],
    ["stop", { stop: ["x"] }],
    ["metadata.tenant", { metadata: { tenant: "x" } }],
    ["stop_sequences.0", { stop_sequences: [" "] }],
    ["service_tier", { service_tier: "flex" }],
    ["messages.0.role", { messages: [{ role: "system", content: "Hi" }] }],
    ["messages.0.role", { messages: [{ role: "assistant", content: "Hi" }] }],
    ["messages.0.name", { messages: [{ role: "user", content: "Hi", name: "ann" }] }],
    ["messages.0.content", { messages: [{ role: "user", content: "" }] }],
    ["messages.0.content", { messages: [user()] }],
    ["messages.0.content.0.text", { messages: [user(text(""))] }],
    ["messages.0.content.0.text", { messages: [user(text(" \n"))] }],
    ["messages.0.content.0.detail", { messages: [user({ ...image, detail: "high" })] }],
    [
      "messages.0.content.0.source.url",
      { messages: [user({ ...image, source: { type: "url" } })] },
    ],
    ["messages.0.content.0.type", { messages: [user({ type: "audio" })] }],
    ["messages.1.content.0.type", after(assistant(image))],
    ["system.0.text", { system: [text("")] }],
    ["system.0.type", { system: [image] }],
  ])("%s in %j", (path, change) => expect(refusalOf(change)).toMatch(startOf(path)));

  it.each<[string, object]>([
    ["tools.0.input_schema", { tools: [{ name: "pay" }] }],
    ["tools.0.input_schema.type", { tools: [{ name: "pay", input_schema: {} }] }],
    ["tools.0.input_schema", { tools: [{ ...tool, input_schema: { type: "object", anyOf: [] } }] }],
    ["tools.0.name", { tools: [{ ...tool, name: "pay now" }] }],
    ["tools.0.type", { tools: [{ ...tool, type: "web_search_20250305" }] }],
    ["tools", { tools: [tool, tool] }],
    ["tool_choice", { tool_choice: { type: "auto" } }],
    ["tool_choice", { tools: [tool], tool_choice: { type: "tool", name: "see" } }],
    ["tool_choice.type", { tools: [tool], tool_choice: { type: "required" } }],
    ["messages.1", after(assistant(call("c1")))],
    ["messages.1", after(assistant(call("c1")), user(text("And?")))],
    ["messages.1", after(assistant(call("c1"), call("c2")), user(result("c1")))],
    ["messages.1", after(assistant(call("c1"), call("c1")), user(result("c1")))],
    ["messages.2.content.0", after(assistant(text("Hi")), user(result("c1")))],
    ["messages.2.content.1", after(assistant(call("c1")), user(result("c1"), result("c1")))],
    ["messages.2.content.1", after(assistant(call("c1")), user(text("See:"), result("c1")))],
    ["messages.1.content.0.id", after(assistant(call("c 1")), user(result("c 1")))],
    [
      "messages.2.content.0.content.0.text",
      after(assistant(call("c1")), user(result("c1", [text("")]))),
    ],
  ])("of tools: %s in %j", (path, change) => expect(refusalOf(change)).toMatch(startOf(path)));

  it.each<[string, object]>([
    ["thinking.budget_tokens", { thinking: { type: "enabled", budget_tokens: 1_023 } }],
    ["thinking.type", { thinking: { type: "always" } }],
    ["max_tokens", { ...thinks, max_tokens: 1_024 }],
    ["tool_choice", { ...thinks, tools: [tool], tool_choice: { type: "any" } }],
    ["messages.1.content", { ...thinks, ...after(assistant(text("So"))) }],
    [
      "messages.1.content.0",
      after(assistant(thought("Well", "made up"), text("Hi")), user(text("So?"))),
    ],
    [
      "messages.1.content.0",
      after(assistant(thought("Well", signatureOf("Well", "")), text("Hi"))),
    ],
    [
      "messages.1.content.0.type",
      { ...thinks, ...after(assistant(call("c1")), user(result("c1"))) },
    ],
    ["messages.1.content", after(assistant(text("So ")))],
    ["output_config.format.schema", formatted({ type: "object" })],
    [
      "output_config.format.schema",
      formatted({ type: "array", items: { type: "object", properties: {} } }),
    ],
    ["output_config.effort", { output_config: { effort: "extreme" } }],
  ])("of thoughts and ends: %s in %j", (path, change) =>
    expect(refusalOf(change)).toMatch(startOf(path)),
  );

  it.each<[string, object]>([
    ["cache_control", { system: ["a", "b", "c", "d", "e"].map((word) => marked(word)) }],
    [
      "cache_control",
      {
        system: ["a", "b", "c", "d"].map((word) => marked(word)),
        cache_control: { type: "ephemeral" },
      },
    ],
    ["cache_control.ttl", { system: [marked("a"), marked("b", "1h")] }],
    [
      "cache_control.ttl",
      { tools: [{ ...tool, cache_control: { type: "ephemeral" } }], system: [marked("b", "1h")] },
    ],
    ["cache_control.ttl", { system: [marked("a")], messages: [user(marked("b", "1h"))] }],
    ["system.0.cache_control.ttl", { system: [marked("a", "2h")] }],
    [
      "messages.1.content.0.cache_control",
      after(assistant({ ...thought("a"), cache_control: { type: "ephemeral" } }, text("b"))),
    ],
  ])("of the prompt cache: %s in %j", (path, change) =>
    expect(refusalOf(change)).toMatch(startOf(path)),
  );

  it("of the sampling parameters, by the version of the interface", () => {
    for (const change of [{ temperature: 1 }, { top_p: 1 }, { top_k: 1 }]) {
      const [path = ""] = Object.keys(change);
      expect(refusalOf(change)).toMatch(startOf(path));
      expect(refusalOf(change, "2023-06-01")).toBeNull();
    }
    expect(refusalOf({ temperature: 1.1 }, "2023-06-01")).toMatch(startOf("temperature"));
    expect(refusalOf({ temperature: 1, top_p: 1 }, "2023-06-01")).toMatch(startOf("top_p"));
    expect(refusalOf({ ...thinks, temperature: 0.5 }, "2023-06-01")).toMatch(
      startOf("temperature"),
    );
    expect(refusalOf({ ...thinks, top_p: 0.5 }, "2023-06-01")).toMatch(startOf("top_p"));
    expect(refusalOf({ ...thinks, top_k: 5 }, "2023-06-01")).toMatch(startOf("top_k"));
    const cited = { messages: [user(text("Hi", { citations: [{}] }))] };
    expect(refusalOf(cited)).toMatch(startOf("messages.0.content.0.citations"));
    expect(refusalOf(cited, "2023-06-01")).toBeNull();
  });
});

describe("a request that Anthropic accepts", () => {
  it.each<[string, object]>([
    ["a prefilled answer", after(assistant(text("So")))],
    ["an empty system prompt", { system: "" }],
    ["a result without content", after(assistant(call("c1")), user(result("c1", "")))],
    ["a blank result", after(assistant(call("c1")), user(result("c1", " ")))],
    ["text after results", after(assistant(call("c1")), user(result("c1"), text("So?")))],
    ["a document", { messages: [user(document("text", "text/plain", "Rivers."))] }],
    [
      "a thought of the simulator",
      after(assistant(thought("Well"), text("Hi")), user(text("So?"))),
    ],
    [
      "an omitted thought",
      after(assistant(thought("", signatureOf("Well", "")), text("Hi")), user(text("So?"))),
    ],
    [
      "a redacted thought before a call",
      {
        ...thinks,
        ...after(
          assistant({ type: "redacted_thinking", data: "x" }, call("c1")),
          user(result("c1")),
        ),
      },
    ],
    ["an hour before five minutes", { system: [marked("a", "1h"), marked("b")] }],
    ["a breakpoint that is null", { system: [text("a", { cache_control: null })] }],
    [
      "a schema that excludes other members",
      formatted({ type: "object", additionalProperties: false }),
    ],
  ])("may contain %s", (_, change) => expect(refusalOf(change)).toBeNull());

  it("is the same prompt as a text and as one block, whatever its breakpoints", () => {
    const digest = (messages: object[]) =>
      parseMessagesRequest({ ...base, messages }, "2026-10-21").answer.promptDigest;
    expect(digest([user(marked("Hi"))])).toBe(digest(base.messages));
    expect(digest([user(text("Hi!"))])).not.toBe(digest(base.messages));
  });
});

function document(type: string, mediaType: string, data: string): object {
  return { type: "document", source: { type, media_type: mediaType, data }, title: "Book" };
}

function formatted(schema: object): object {
  return { output_config: { format: { type: "json_schema", schema } } };
}

function startOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(".", "\\.")}: `);
}

function refusalOf(change: object, version: ApiVersion = "2026-10-21"): string | null {
  try {
    parseMessagesRequest({ ...base, ...change }, version);
    return null;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 400) throw error;
    return error.message;
  }
}
