import { expect, test } from "vitest";
import { aCandidate, aDispatched } from "../../attempt/dispatched.fixture.ts";
import { plainDialect } from "./dialect.ts";
import { bodyOf } from "./provider-body.ts";

const candidate = aCandidate({ model: "embeddings-served" });

test("a body for embeddings asks for base64, with the client's parameters and the candidate's model", () => {
  const parameters = JSON.stringify({ dimensions: 8, user: "u", encoding_format: "float" });
  const { request } = aDispatched({ inputs: ["a", "b"], parameters }).admitted;
  expect(bodyOf(request, candidate, false, plainDialect)).toEqual({
    ...{ model: "embeddings-served", input: ["a", "b"], dimensions: 8, user: "u" },
    encoding_format: "base64",
  });
});

test("a body for embeddings has the members that OpenAI's API does not have, if the dialect of the model has them", () => {
  const parameters = '{"input_type":"query","truncate":"END","user":null}';
  const { request } = aDispatched({ inputs: ["a"], parameters }).admitted;
  const dialect = { ...plainDialect, requestMembers: ["input_type"] };
  expect(bodyOf(request, candidate, false, dialect)).toEqual({
    ...{ model: "embeddings-served", input: ["a"], encoding_format: "base64" },
    input_type: "query",
  });
});

test("inputs that the client sent as tokens are sent as tokens", () => {
  const { request } = aDispatched({ inputs: [] }).admitted;
  const body = bodyOf({ ...request, tokenInputs: [[1, 2], [3]] }, candidate, false, plainDialect);
  expect(body["input"]).toEqual([[1, 2], [3]]);
});

test("a body for a chat has messages and the stream setting", () => {
  const { request } = aDispatched().admitted;
  expect(bodyOf(request, candidate, true, plainDialect)).toMatchObject({
    stream: true,
    messages: [{}],
  });
});

test("embeddings are requested in the encoding that the provider knows", () => {
  const { request } = aDispatched({ inputs: ["x"] }).admitted;
  const dialect = { ...plainDialect, embeddingEncoding: "float" } as const;
  expect(bodyOf(request, candidate, false, dialect)).toMatchObject({ encoding_format: "float" });
});
