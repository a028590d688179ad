import { expect, test } from "vitest";
import { emit, outgoing, skip } from "./effects.ts";
import { textTopic } from "../run/text-records.fixture.ts";
import { traced, traceIn, traceInOrNew } from "./trace.ts";

const id = "4bf92f3577b34da6a3ce929d0e0e4736";
const traceparent = `00-${id}-00f067aa0ba902b7-01`;

test("a trace is read from text and from bytes, with its tracestate", () => {
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
])("%s is not a trace, and its tracestate is dropped", (_, given) => {
  expect(traceIn({ traceparent: given, tracestate: "vendor=1" })).toEqual({});
});

test("a tracestate that is not a header value is dropped, and its trace is kept", () => {
  expect(traceIn({ traceparent, tracestate: "x\r\ny: z" })).toEqual({ traceparent });
  expect(traceIn({ traceparent, tracestate: "x".repeat(513) })).toEqual({ traceparent });
});

test("a request that enters without a trace gets a new one", () => {
  expect(traceInOrNew({ traceparent })).toEqual({ traceparent });
  const [first, second] = [traceInOrNew({}), traceInOrNew({ traceparent: "broken" })];
  expect(traceIn(first)).toEqual(first);
  expect(first.traceparent).toBeDefined();
  expect(second).not.toEqual(first);
});

test("an emitted message gets the trace in addition to its headers, and keeps its own trace", () => {
  const message = (headers: Record<string, string>) => outgoing(textTopic, "any record", headers);
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
