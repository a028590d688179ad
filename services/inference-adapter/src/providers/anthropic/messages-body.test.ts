import { describe, expect, test } from "vitest";
import { bodyOf, toolCalls, user } from "./messages-body.fixture.ts";

describe("the body of a message", () => {
  test("has the model, the output limit and the turns, and nothing that was not asked for", () => {
    expect(bodyOf({ outputLimit: 400n })).toEqual({
      model: "sim-economy",
      max_tokens: 400,
      messages: [{ role: "user", content: [{ type: "text", text: "Name a river." }] }],
    });
    expect(bodyOf({ stream: true })).toMatchObject({ stream: true });
  });

  test("has all system messages at the beginning, because the API has only that place", () => {
    const messages = [
      { role: "system", content: "Be brief." },
      user,
      { role: "developer", content: "In English." },
    ];
    expect(bodyOf({ messages })).toMatchObject({
      system: [
        { type: "text", text: "Be brief." },
        { type: "text", text: "In English." },
      ],
      messages: [{ role: "user" }],
    });
  });

  test("joins consecutive messages of one role, and leaves out what has no text", () => {
    const messages = [
      { role: "user", content: "One" },
      { role: "user", content: " \n" },
      { role: "user", content: "two" },
      { role: "assistant", content: "" },
    ];
    expect(bodyOf({ messages })).toMatchObject({
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "One" },
            { type: "text", text: "two" },
          ],
        },
      ],
    });
  });

  test("has the calls of an assistant and their results, which are parts of a user's turn", () => {
    const messages = [
      user,
      { role: "assistant", content: "Wait.", toolCalls },
      { role: "tool", content: "blue", toolCallId: "call_1" },
      { role: "tool", content: "", toolCallId: "call_2" },
      { role: "user", content: "And now?" },
    ];
    expect(bodyOf({ messages })).toMatchObject({
      messages: [
        { role: "user" },
        {
          role: "assistant",
          content: [
            { type: "text", text: "Wait." },
            { type: "tool_use", id: "call_1", name: "look", input: { at: "sky" } },
          ],
        },
        {
          role: "user",
          content: [
            {
              ...{ type: "tool_result", tool_use_id: "call_1" },
              content: [{ type: "text", text: "blue" }],
            },
            { type: "tool_result", tool_use_id: "call_2" },
            { type: "text", text: "And now?" },
          ],
        },
      ],
    });
  });

  test.each([
    ["", {}],
    ["[1]", { arguments: [1] }],
    ["{broken", { arguments: "{broken" }],
  ])("has the arguments %j of a call as an object, which the API requires", (args, input) => {
    const call = { id: "c", type: "function", function: { name: "look", arguments: args } };
    const messages = [user, { role: "assistant", content: "", toolCalls: JSON.stringify([call]) }];
    expect(bodyOf({ messages })).toMatchObject({
      messages: [{}, { content: [{ type: "tool_use", input }] }],
    });
  });

  test.each([
    ["functions.look:0", "functions_46_look_58_0"],
    ["", "call"],
    ["call_1-a", "call_1-a"],
  ])(
    "has the id %j of a call and of its result with the characters that the API takes",
    (id, sent) => {
      const call = { id, type: "function", function: { name: "look", arguments: "{}" } };
      const messages = [
        user,
        { role: "assistant", content: "", toolCalls: JSON.stringify([call]) },
        { role: "tool", content: "blue", toolCallId: id },
      ];
      expect(bodyOf({ messages })).toMatchObject({
        messages: [{}, { content: [{ id: sent }] }, { content: [{ tool_use_id: sent }] }],
      });
    },
  );

  test("has instructions as a turn if there is nothing else", () => {
    const body = bodyOf({ messages: [{ role: "system", content: "Name a river." }] });
    expect(body).toMatchObject({
      messages: [{ role: "user", content: [{ type: "text", text: "Name a river." }] }],
    });
    expect(body).not.toHaveProperty("system");
  });

  test("has images as base64 or as an address, and refusals as text", () => {
    const parts = JSON.stringify([
      { type: "text", text: "What is this?" },
      { type: "image_url", image_url: { url: "data:image/png;name=a.png;base64,iVBO" } },
      { type: "image_url", image_url: { url: "https://example.com/a.png" } },
    ]);
    const refused = JSON.stringify([{ type: "refusal", refusal: "I cannot say." }]);
    const messages = [
      { role: "user", content: "What is this?", parts },
      { role: "assistant", content: "I cannot say.", parts: refused },
      user,
    ];
    expect(bodyOf({ messages })).toMatchObject({
      messages: [
        {
          content: [
            { type: "text" },
            { source: { type: "base64", media_type: "image/png", data: "iVBO" } },
            { source: { type: "url", url: "https://example.com/a.png" } },
          ],
        },
        { content: [{ type: "text", text: "I cannot say." }] },
        { role: "user" },
      ],
    });
  });

  test("ends an answer that is to be continued without blanks", () => {
    const messages = [user, { role: "assistant", content: "The river \n" }];
    expect(bodyOf({ messages })).toMatchObject({
      messages: [{}, { content: [{ text: "The river" }] }],
    });
  });

  test("has tools, and which of them must be called", () => {
    const tools = [
      {
        type: "function",
        function: {
          name: "look",
          description: "Looks.",
          parameters: { properties: {} },
          strict: true,
        },
      },
      { type: "function", function: { name: "listen" } },
    ];
    const choose = (parameters: object) => bodyOf({ parameters: { tools, ...parameters } });
    expect(choose({})).toMatchObject({
      tools: [
        {
          ...{ name: "look", description: "Looks.", strict: true },
          input_schema: { type: "object", properties: {} },
        },
        { name: "listen", input_schema: { type: "object" } },
      ],
    });
    expect(choose({})).not.toHaveProperty("tool_choice");
    for (const [tool_choice, expected] of [
      ["auto", { type: "auto" }],
      ["none", { type: "none" }],
      ["required", { type: "any" }],
      [
        { type: "function", function: { name: "look" } },
        { type: "tool", name: "look" },
      ],
    ] as const)
      expect(choose({ tool_choice })).toMatchObject({ tool_choice: expected });
    expect(choose({ parallel_tool_calls: false })).toMatchObject({
      tool_choice: { type: "auto", disable_parallel_tool_use: true },
    });
    expect(choose({ parallel_tool_calls: false, tool_choice: "none" })).toMatchObject({
      tool_choice: { type: "none" },
    });
    expect(bodyOf({ parameters: { tool_choice: "auto" } })).not.toHaveProperty("tool_choice");
  });

  test("has the parameters that have a counterpart", () => {
    const schema = { type: "object", properties: {} };
    const parameters = {
      ...{ temperature: 0.4, top_p: 0.9, stop: ["END", "\n"], user: "u-1" },
      response_format: { type: "json_schema", json_schema: { name: "verdict", schema } },
    };
    expect(bodyOf({ parameters })).toMatchObject({
      temperature: 0.4,
      top_p: 0.9,
      stop_sequences: ["END"],
      metadata: { user_id: "u-1" },
      output_config: { format: { type: "json_schema", schema } },
    });
  });

  test("leaves out parameters that change nothing, and those that are only about the handling", () => {
    const parameters = {
      ...{ n: 1, frequency_penalty: 0, presence_penalty: 0, logit_bias: {}, logprobs: false },
      ...{ verbosity: "medium", seed: 7, store: true, service_tier: "auto", prompt_cache_key: "k" },
      ...{ temperature: 1, top_p: 1, response_format: { type: "text" } },
    };
    expect(bodyOf({ parameters: { temperature: 1.4 } })).toEqual(bodyOf());
    expect(bodyOf({ parameters })).toEqual(bodyOf());
  });

  test.each([
    ["n", { n: 2 }],
    ["logprobs", { logprobs: true }],
    ["frequency_penalty", { frequency_penalty: 0.5 }],
    ["presence_penalty", { presence_penalty: -1 }],
    ["logit_bias", { logit_bias: { 5: 1 } }],
    ["verbosity", { verbosity: "low" }],
    ["response_format", { response_format: { type: "json_object" } }],
    [
      "tool_choice",
      { tools: [{ function: { name: "f" } }], tool_choice: { type: "allowed_tools" } },
    ],
  ])("is not made if '%s' would be ignored", (name, parameters) => {
    expect(bodyOf({ parameters })).toEqual({
      unsupported: expect.stringContaining(`'${name}' is not supported by Anthropic's API`),
      param: name,
    });
  });

  test("is not made for an image that the API does not take", () => {
    for (const url of [
      "data:image/tiff;base64,AA",
      "data:image/png,AA",
      "ftp://example.com/a.png",
    ]) {
      const parts = JSON.stringify([{ type: "image_url", image_url: { url } }]);
      expect(bodyOf({ messages: [{ role: "user", content: "", parts }] })).toEqual({
        unsupported: expect.stringContaining("'image_url'"),
        param: "image_url",
      });
    }
  });

  test("is not made for an image in the instructions, which the API does not have", () => {
    const parts = JSON.stringify([
      { type: "image_url", image_url: { url: "https://a.example/b" } },
    ]);
    expect(bodyOf({ messages: [{ role: "system", content: "", parts }, user] })).toMatchObject({
      unsupported: expect.stringContaining("a system message has no images"),
    });
  });

  test("has no id of a user that is longer than the API takes", () => {
    expect(bodyOf({ parameters: { user: "u".repeat(257) } })).toEqual(bodyOf());
  });

  test("has additional members that the operator allows, and no others", () => {
    const parameters = { top_k: 5, min_p: 0.1, service_tier: "auto" };
    const body = bodyOf({ parameters, dialect: { requestMembers: ["top_k"] } });
    expect(body).toMatchObject({ top_k: 5 });
    expect(body).not.toHaveProperty("min_p");
  });

  test("cannot be made from a record that is not JSON", () => {
    const messages = [{ role: "user", content: "", parts: "{" }];
    expect(() => bodyOf({ messages })).toThrow("The parts of a message");
  });
});
