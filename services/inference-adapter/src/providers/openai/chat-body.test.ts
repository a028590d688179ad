import { describe, expect, test } from "vitest";
import type { Dialect } from "@sluice/declarations";
import { aMessage } from "@sluice/testing/fixtures";
import { plainDialect } from "./dialect.ts";
import { chatBodyOf } from "./chat-body.ts";
import { aCandidate, aDispatched } from "../../attempt/dispatched.fixture.ts";

const candidate = aCandidate();
const bodyOf = (parameters: object, stream = false, dialect: Dialect = plainDialect) =>
  chatBodyOf(
    aDispatched({ parameters: JSON.stringify(parameters) }).admitted.request,
    candidate,
    stream,
    dialect,
  );

describe("the body for a provider", () => {
  test("has the client's parameters, with the candidate's model and output limit", () => {
    expect(bodyOf({ temperature: 0.2, max_completion_tokens: 9_999 })).toEqual({
      model: "sim-economy",
      messages: [{ role: "user", content: "What is the capital of France?" }],
      temperature: 0.2,
      max_completion_tokens: 400,
    });
  });

  test("names the output limit as the client did", () => {
    const body = bodyOf({ max_tokens: 9_999 });
    expect(body).toMatchObject({ max_tokens: 400 });
    expect(body).not.toHaveProperty("max_completion_tokens");
    expect(bodyOf({ max_tokens: null })).toMatchObject({ max_completion_tokens: 400 });
  });

  test("has one output limit, even if the client set both names", () => {
    const body = bodyOf({ max_tokens: 9_999, max_completion_tokens: 9_999 });
    expect(body).toMatchObject({ max_tokens: 400 });
    expect(body).not.toHaveProperty("max_completion_tokens");
  });

  test("leaves out parameters that are null", () => {
    expect(bodyOf({ seed: null })).not.toHaveProperty("seed");
  });

  test("asks for usage with a stream, even if the client did not", () => {
    expect(bodyOf({ stream_options: { include_usage: false } }, true)).toMatchObject({
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(bodyOf({ stream: true })).not.toHaveProperty("stream");
  });

  test.each(["max_tokens", "max_completion_tokens"] as const)(
    "has the limit under the only name that the model knows, %s, whatever the client used",
    (outputLimitParameter) => {
      const dialect = { ...plainDialect, outputLimitParameter };
      for (const parameters of [{}, { max_tokens: 9_999 }, { max_completion_tokens: 9_999 }]) {
        const { max_tokens, max_completion_tokens } = bodyOf(parameters, false, dialect);
        const sent = { max_tokens, max_completion_tokens };
        expect(sent).toEqual({
          ...{ max_tokens: undefined, max_completion_tokens: undefined },
          [outputLimitParameter]: 400,
        });
      }
    },
  );

  test("has no stream_options for a provider that refuses them", () => {
    const body = bodyOf({}, true, { ...plainDialect, streamOptions: false });
    expect(body).toMatchObject({ stream: true });
    expect(body).not.toHaveProperty("stream_options");
  });

  test("has the messages as the client sent them", () => {
    const { request } = aDispatched().admitted;
    const plain = { parts: null, toolCalls: null, toolCallId: null, name: null, members: null };
    const calls = [{ id: "c1", type: "function", function: { name: "look", arguments: "{}" } }];
    const parts = [{ type: "image_url", image_url: { url: "https://example.org/a.png" } }];
    const messages = [
      { ...plain, role: "user", content: "", parts: JSON.stringify(parts), name: "ann" },
      { ...plain, role: "assistant", content: "", toolCalls: JSON.stringify(calls) },
      { ...plain, role: "tool", content: "42", toolCallId: "c1" },
      {
        ...{ ...plain, role: "assistant", content: "42" },
        members: '{"reasoning_content":"6 times 7","role":"system","content":"no"}',
      },
    ];
    expect(
      chatBodyOf({ ...request, messages }, candidate, false, plainDialect)["messages"],
    ).toEqual([
      { role: "user", content: parts, name: "ann" },
      { role: "assistant", content: null, tool_calls: calls },
      { role: "tool", content: "42", tool_call_id: "c1" },
      { role: "assistant", content: "42", reasoning_content: "6 times 7" },
    ]);
  });

  test("has the reasoning of a history only for a model that takes it, and only of an assistant", () => {
    const { request } = aDispatched().admitted;
    const plain = { parts: null, toolCalls: null, toolCallId: null, name: null };
    const members = '{"reasoning_content":"a","reasoning":"b","reasoning_details":[{"type":"c"}]}';
    const messages = ["user", "assistant"].map((role) => ({
      ...{ ...plain, role, content: "42", members },
    }));
    const sent = (dialect: Dialect) =>
      chatBodyOf({ ...request, messages }, candidate, false, dialect)["messages"];
    const bare = messages.map(({ role, content }) => ({ role, content }));
    expect(sent({ ...plainDialect, reasoningInHistory: false })).toEqual(bare);
    expect(sent(plainDialect)).toEqual([
      bare[0],
      { ...bare[1], reasoning_content: "a", reasoning: "b", reasoning_details: [{ type: "c" }] },
    ]);
  });

  test("has the members that OpenAI's API does not have, if the dialect of the model has them", () => {
    const parameters = { top_k: 5, chat_template_kwargs: { thinking: false }, seed: 1 };
    const dialect = { ...plainDialect, requestMembers: ["chat_template_kwargs", "model"] };
    const body = bodyOf({ ...parameters, model: "another" }, false, dialect);
    expect(body).toMatchObject({ chat_template_kwargs: { thinking: false }, seed: 1 });
    expect(body).toMatchObject({ model: "sim-economy" });
    expect(body).not.toHaveProperty("top_k");
    expect(bodyOf(parameters)).not.toHaveProperty("chat_template_kwargs");
  });

  test("has no member of an earlier answer but its reasoning", () => {
    const { request } = aDispatched().admitted;
    const members = '{"reasoning":"6 times 7","citations":["a"]}';
    const messages = [aMessage({ role: "assistant", content: "42", members })];
    expect(
      chatBodyOf({ ...request, messages }, candidate, false, plainDialect)["messages"],
    ).toEqual([{ role: "assistant", content: "42", reasoning: "6 times 7" }]);
  });

  test("is a permanent fault if the parameters are not JSON", () => {
    const { request } = aDispatched({ parameters: "{" }).admitted;
    expect(() => chatBodyOf(request, candidate, false, plainDialect)).toThrow(
      expect.objectContaining({ code: "ADAPTER_REQUEST_UNREADABLE" }),
    );
  });
});
