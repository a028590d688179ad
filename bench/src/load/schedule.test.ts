import fc from "fast-check";
import { expect, test } from "vitest";
import { dueBy, scheduleOf, startMsOf } from "./schedule.ts";

test("five seconds at 400 per second are 2,000 requests, the last of them 2.5 ms before the end", () => {
  const schedule = scheduleOf(400, 5);
  expect(schedule.count).toBe(2_000);
  expect(startMsOf(schedule, 1_999)).toBe(4_997.5);
});

test("the first request is due at once, and after the end none is due that was not asked for", () => {
  const schedule = scheduleOf(100, 1);
  expect(dueBy(schedule, 0)).toBe(1);
  expect(dueBy(schedule, 9.99)).toBe(1);
  expect(dueBy(schedule, 10)).toBe(2);
  expect(dueBy(schedule, 60_000)).toBe(100);
});

test("a generator that was held up owes every request of that time", () => {
  expect(dueBy(scheduleOf(1_000, 5), 2_000) - dueBy(scheduleOf(1_000, 5), 1_000)).toBe(1_000);
});

test("a request is due exactly from its own start on", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5_000 }),
      fc.integer({ min: 1, max: 4_999 }),
      (perSecond, index) => {
        const schedule = scheduleOf(perSecond, 5);
        fc.pre(index < schedule.count);
        const startMs = startMsOf(schedule, index);
        expect(dueBy(schedule, startMs)).toBe(index + 1);
        expect(dueBy(schedule, startMs - 0.01)).toBe(index);
      },
    ),
  );
});
