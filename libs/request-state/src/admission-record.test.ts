import { expect, test } from "vitest";
import { admittedFixture } from "./contract/records.fixture.ts";
import { recordOfRepeat, withoutBody } from "./admission-record.ts";

const ordinary = admittedFixture();
const admitted = {
  ...ordinary,
  request: {
    ...ordinary.request,
    ...{ messages: [{ ...ordinary.request.messages[0]!, content: "canary" }] },
    ...{ inputs: ["canary"], tokenInputs: [[4_711]], parameters: '{"tools":["canary"]}' },
    ...{ tags: { note: "canary" }, sessionId: "canary" },
    requirements: { ...ordinary.request.requirements, maxLatencyMs: 4_711, deadlineAt: 99 },
  },
};

test("what is stored of an admission contains neither prompt nor parameters nor tags", () => {
  const stored = withoutBody(admitted);
  expect(JSON.stringify(stored)).not.toMatch(/canary|4711/);
  const { request: _request, ...kept } = admitted;
  expect(stored).toMatchObject(kept);
});

test("a repeat completes what is stored to the record that was admitted first, with its deadline", () => {
  const { request } = admitted;
  const requirements = { ...request.requirements, deadlineAt: 1_000 };
  const repeat = {
    ...admitted,
    ...{ admittedAt: admitted.admittedAt + 9, deadlineAt: admitted.deadlineAt + 9 },
    ...{ correlationId: "another", request: { ...request, requirements } },
  };
  expect(recordOfRepeat(withoutBody(admitted), repeat)).toEqual(admitted);
});
