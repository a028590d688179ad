import { expect, test } from "vitest";
import { packageOf, sharesOf } from "./profile.ts";

const frame = (functionName: string, url: string) => ({ functionName, url, lineNumber: 9 });
const profile = {
  nodes: [
    { id: 1, callFrame: frame("(idle)", "") },
    { id: 2, callFrame: frame("encode", "file:///x/node_modules/kafkajs/src/encoder.js") },
    { id: 3, callFrame: frame("charge", "file:///x/services/cost-accountant/dist/charge.js") },
  ],
  samples: [1, 2, 3, 2],
  timeDeltas: [50_000, 2_000, 2_000, 4_000],
};

test("CPU time is summed by package and by function, without idle time", () => {
  expect(sharesOf(profile)).toEqual({
    busyMs: 8,
    packages: [
      ["kafkajs", 6],
      ["@sluice/cost-accountant", 2],
    ],
    functions: [
      ["encode kafkajs:encoder.js:10", 6],
      ["charge @sluice/cost-accountant:charge.js:10", 2],
    ],
  });
});

test("samples before the given time, such as those of the start, are left out", () => {
  expect(sharesOf(profile, 54).busyMs).toBe(6);
});

test("scoped packages, Node's modules and frames without a source are named separately", () => {
  expect(packageOf("/x/node_modules/@nestjs/core/index.js")).toBe("@nestjs/core");
  expect(packageOf("node:internal/streams/writable")).toBe("node:internal/streams");
  expect(packageOf("")).toBe("native");
});
