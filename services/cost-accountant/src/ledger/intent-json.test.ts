import { expect, test } from "vitest";
import { intentOf } from "../../test/fixtures.ts";
import { intentFrom, intentJson, type StoredIntent } from "./intent-json.ts";

test("an intent is the same after it was stored", () => {
  const intent = intentOf({ runId: "run" });
  expect(intentFrom(storedOf(intentJson(intent)))).toEqual(intent);
});

test("an intent that version 0.1.0 stored has neither a signature nor windows", () => {
  const { windows: _windows, worstCaseNanoUsd: _worst, runId: _run, ...rest } = intentOf();
  const { signature: _signature, ...attribution } = rest.attribution;
  const longs = { inputTokens: String(rest.inputTokens), outputLimit: String(rest.outputLimit) };
  const stored = storedOf(JSON.stringify({ ...rest, ...longs, attribution }));
  expect(intentFrom(stored)).toEqual({
    ...rest,
    attribution: { ...attribution, signature: "" },
    ...{ windows: [], worstCaseNanoUsd: 0n, runId: null },
  });
});

function storedOf(text: string): StoredIntent {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the database returns
  return JSON.parse(text) as StoredIntent;
}
