import { expect, test } from "vitest";
import { aCandidate, aDispatched } from "../../attempt/dispatched.fixture.ts";
import { bodyOf } from "./provider-body.ts";

const candidate = aCandidate({ model: "embeddings-served" });

test("embeddings are asked for in base64, with the caller's parameters and our model", () => {
  const parameters = JSON.stringify({ dimensions: 8, user: "u", encoding_format: "float" });
  const { request } = aDispatched({ inputs: ["a", "b"], parameters }).admitted;
  expect(bodyOf(request, candidate, false)).toEqual({
    ...{ model: "embeddings-served", input: ["a", "b"], dimensions: 8, user: "u" },
    encoding_format: "base64",
  });
});

test("inputs that came as tokens go as tokens", () => {
  const { request } = aDispatched({ inputs: [] }).admitted;
  const body = bodyOf({ ...request, tokenInputs: [[1, 2], [3]] }, candidate, false);
  expect(body["input"]).toEqual([[1, 2], [3]]);
});

test("a chat is asked for as one", () => {
  const { request } = aDispatched().admitted;
  expect(bodyOf(request, candidate, true)).toMatchObject({ stream: true, messages: [{}] });
});
