import { expect, test } from "vitest";
import { boundViolations } from "./input-bound.fixture.ts";

test("the bound of the input is never below the tokens of everything that is sent", async () => {
  expect(await boundViolations(2_000, 1)).toEqual([]);
});
