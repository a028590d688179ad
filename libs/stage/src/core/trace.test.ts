import { topics } from "@sluice/contracts";
import { expect, test } from "vitest";
import { emit, outgoing, skip } from "./effects.ts";
import { traced, traceIn, traceInOrNew } from "./trace.ts";

const id = "4bf92f3577b34da6a3ce929d0e0e4736";
const traceparent = `00-${id}-00f067aa0ba902b7-01`;

test("a trace is read from text and from bytes, with its state", () => {
  const whole = { traceparent, tracestate: "vendor=1" };
  expect(traceIn(whole)).toEqual(whole);
  expect(traceIn({ traceparent: Buffer.from(traceparent) })).toEqual({ traceparent });
  expect(traceIn({ traceparent: `01-${id}-00f067aa0ba902b7-01-more` })).not.toEqual({});
});

test.each([
  ["nothing", undefined],
  ["other words", "trace me"],
  ["capitals", traceparent.toUpperCase()],
  ["a trace id of zeros", `00-${"0".repeat(32)}-00f067aa0ba902b7-01`],
  ["a parent id of zeros", `00-${id}-${"0".repeat(16)}-01`],
  ["the forbidden version", `ff-${id}-00f067aa0ba902b7-01`],
  ["more than version 00 has", `${traceparent}-more`],
  ["a line break", `${traceparent}\n`],
  ["two headers", [traceparent, traceparent]],
])("%s is no trace, and its state goes with it", (_, given) => {
  expect(traceIn({ traceparent: given, tracestate: "vendor=1" })).toEqual({});
});

test("a state that is no header's value is left, its trace is not", () => {
  expect(traceIn({ traceparent, tracestate: "x\r\ny: z" })).toEqual({ traceparent });
  expect(traceIn({ traceparent, tracestate: "x".repeat(513) })).toEqual({ traceparent });
});

test("where a request enters without a trace, one begins, another each time", () => {
  expect(traceInOrNew({ traceparent })).toEqual({ traceparent });
  const [first, second] = [traceInOrNew({}), traceInOrNew({ traceparent: "broken" })];
  expect(traceIn(first)).toEqual(first);
  expect(first.traceparent).toBeDefined();
  expect(second).not.toEqual(first);
});

test("what is emitted carries the trace beside its own headers, and keeps a trace of its own", () => {
  const message = (headers: Record<string, string>) =>
    outgoing({ ...topics.costMetered, keyOf: () => "k" }, {}, headers);
  const own = { traceparent: `00-${id}-1111111111111111-00` };
  const effect = traced(emit(message({ "correlation-id": "c" }), message(own)), {
    traceparent,
    tracestate: "vendor=1",
  });
  expect(effect.kind === "emit" && effect.messages.map(({ headers }) => headers)).toEqual([
    { "correlation-id": "c", traceparent, tracestate: "vendor=1" },
    own,
  ]);
  expect(traced(skip("no need"), { traceparent })).toEqual(skip("no need"));
});
