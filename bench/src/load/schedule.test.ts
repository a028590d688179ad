import fc from "fast-check";
import { expect, test } from "vitest";
import { dueBy, scheduleOf, startMsOf } from "./schedule.ts";

test("five seconds at 400 per second give 2,000 requests, and the last one starts 2.5 ms before the end", () => {
  const schedule = scheduleOf(400, 5);
  expect(schedule.count).toBe(2_000);
  expect(startMsOf(schedule, 1_999)).toBe(4_997.5);
});

test("the first request is due at once, and after the end no more are due than were scheduled", () => {
  const schedule = scheduleOf(100, 1);
  expect(dueBy(schedule, 0)).toBe(1);
  expect(dueBy(schedule, 9.99)).toBe(1);
  expect(dueBy(schedule, 10)).toBe(2);
  expect(dueBy(schedule, 60_000)).toBe(100);
});

test("after a delay of the generator, every request of that time is due", () => {
  expect(dueBy(scheduleOf(1_000, 5), 2_000) - dueBy(scheduleOf(1_000, 5), 1_000)).toBe(1_000);
});

test("a request is due from exactly its own start time", () => {
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
