import { plainDialect } from "@sluice/declarations";
import { afterEach, describe, expect, test } from "vitest";
import { choicesOf } from "../../attempt/chunk-choices.ts";
import { callProvider } from "../provider.contract.ts";
import { events, json, serve, stopServing } from "../wire/answering-server.fixture.ts";

const declared = (...answerMembers: readonly string[]) => ({
  models: new Map([
    ["sim-economy", { beginMs: null, dialect: { ...plainDialect, answerMembers } }],
  ]),
});
const members = {
  ...{ citations: ["https://example.com"], annotations: null, extra: { a: 1 } },
  reasoning: "6 times 7",
};
const whole = {
  choices: [{ index: 0, message: { content: "42", ...members }, finish_reason: "stop" }],
};

afterEach(stopServing);

async function membersKept(...names: readonly string[]): Promise<unknown> {
  const { end } = await callProvider(await serve(json(whole), declared(...names)), { prompt: "x" });
  if (end.kind !== "answered") throw new Error(JSON.stringify(end));
  return JSON.parse(end.answer.choices[0]?.members ?? "{}");
}

describe("a member of an answer that OpenAI's API does not have", () => {
  test("is kept if it is declared, next to the reasoning", async () => {
    const { reasoning, citations, extra } = members;
    expect(await membersKept("citations", "annotations", "extra")).toEqual({
      ...{ reasoning, citations, extra },
    });
    expect(await membersKept("citations")).toEqual({ reasoning, citations });
    expect(await membersKept()).toEqual({ reasoning });
  });

  test("is kept of a stream, whose reader receives it once", async () => {
    const chunks = [
      { content: "4", citations: ["a"] },
      { content: "2", citations: ["b"] },
    ].map((delta) => ({ choices: [{ index: 0, delta, finish_reason: null }] }));
    const last = { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] };
    const provider = await serve(events(...chunks, last), declared("citations"));
    const { end, parts } = await callProvider(provider, { prompt: "x", stream: true });
    expect(end).toMatchObject({
      ...{ kind: "answered", answer: { choices: [{ members: '{"citations":["a","b"]}' }] } },
    });
    const deltas = parts
      .flat()
      .filter((part) => part.kind === "declared" || part.kind === "others");
    expect(choicesOf(deltas.slice(0, 1))).toEqual([
      { index: 0, delta: { citations: ["a"] }, finish_reason: null },
    ]);
    expect(JSON.stringify(deltas).split('"citations":["a"]')).toHaveLength(2);
  });
});
