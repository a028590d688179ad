import { describe, expect, test } from "vitest";
import { answerBytesMax, BodyLimit, eventBytesMax } from "./answer-limit.ts";

const half = Buffer.alloc(eventBytesMax / 2, "x");

test("a whole body is within its limit up to the last byte that is allowed", () => {
  const limit = new BodyLimit("whole");
  expect(limit.admits(Buffer.alloc(answerBytesMax))).toBe(true);
  expect(limit.admits(Buffer.from("x"))).toBe(false);
});

describe("a body of events", () => {
  test.each(["\n\n", "\r\n\r\n", "\r\r", "\n\r\n"])(
    "is counted from its last empty line (%j), also if a piece ends within that line",
    (end) => {
      for (let split = 0; split <= end.length; split += 1) {
        const limit = new BodyLimit("events");
        for (let event = 0; event < 3; event += 1) {
          expect(limit.admits(half)).toBe(true);
          expect(limit.admits(Buffer.from(`x${end.slice(0, split)}`))).toBe(true);
          expect(limit.admits(Buffer.from(`${end.slice(split)}x`))).toBe(true);
        }
      }
    },
  );

  test("may have a piece that ends one event and begins another", () => {
    const limit = new BodyLimit("events");
    const piece = Buffer.concat([half, Buffer.from("\n\n"), half]);
    expect(limit.admits(piece)).toBe(true);
    expect(limit.admits(piece)).toBe(true);
  });

  test("is beyond its limit if an event is, whose lines do not end it", () => {
    const limit = new BodyLimit("events");
    const lines = Buffer.from("data: x\n".repeat(8_192));
    let bytes = 0;
    while (limit.admits(lines)) bytes += lines.byteLength;
    expect(bytes).toBe(eventBytesMax);
  });
});
