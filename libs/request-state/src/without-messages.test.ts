import { expect, test } from "vitest";
import { admittedFixture } from "./contract/records.fixture.ts";
import { withoutMessages } from "./without-messages.ts";

test("a record without messages keeps neither messages nor inputs, as texts or tokens", () => {
  const admitted = admittedFixture();
  const canary = { ...admitted.request.messages[0]!, content: "canary" };
  const request = {
    ...admitted.request,
    ...{ messages: [canary], inputs: ["canary"], tokenInputs: [[4_711]] },
  };
  const kept = withoutMessages({ ...admitted, request });
  expect(JSON.stringify(kept)).not.toMatch(/canary|4711/);
  expect(kept).toEqual({
    ...admitted,
    request: { ...request, messages: [], inputs: [], tokenInputs: [] },
  });
});
