import { expect, test } from "vitest";
import {
  afterTurn,
  requestsMin,
  intervalMs,
  memoryMs,
  noTurns,
  targetMs,
  type Turns,
} from "./overload.ts";

const arrived = 100;
const noneWaits = { count: 0, firstSince: null };
const longMs = intervalMs / 2;

/** Lets turns of these lengths beyond their due time follow each other. */
function turnsOf(latenessesMs: readonly number[], from = 1_000, turns: Turns = noTurns) {
  let now = from;
  for (const lateMs of latenessesMs) {
    turns = afterTurn(turns, { dueAt: now, endedAt: now + lateMs, arrived, waiting: noneWaits });
    now += lateMs;
  }
  return { turns, now };
}

const isOverloaded = ({ turns, now }: { turns: Turns; now: number }) => now < turns.overloadedUntil;

test("a process is overloaded once all turns of an interval were late, and not before", () => {
  expect(isOverloaded(turnsOf([longMs, longMs - 1]))).toBe(false);
  expect(isOverloaded(turnsOf([longMs, longMs, longMs]))).toBe(true);
});

test("one long pause is not an overload", () => {
  expect(isOverloaded(turnsOf([12_000, 2 * longMs]))).toBe(false);
});

test("a turn in time begins a new row", () => {
  expect(isOverloaded(turnsOf([longMs, longMs, targetMs, longMs, longMs]))).toBe(false);
});

test("a turn with few requests begins a new row, however late it is", () => {
  const { turns, now } = turnsOf([longMs, longMs]);
  const turn = { dueAt: now, endedAt: now + 60_000, waiting: noneWaits };
  const few = afterTurn(turns, { ...turn, arrived: requestsMin - 1 });
  expect(isOverloaded(turnsOf([longMs, longMs], now + 60_000, few))).toBe(false);
});

test("an overload is remembered for a second after its last late turn", () => {
  const { turns, now } = turnsOf([longMs, longMs, longMs]);
  const calm = turnsOf([1, 1, 1], now, turns).turns;
  expect(isOverloaded({ turns: calm, now: now + memoryMs - 1 })).toBe(true);
  expect(isOverloaded({ turns: calm, now: now + memoryMs })).toBe(false);
  const again = turnsOf([longMs], now + memoryMs / 2, calm);
  expect(isOverloaded({ ...again, now: again.now + memoryMs - 1 })).toBe(true);
});

test("turns in time are late while requests wait for longer than the target", () => {
  const overloaded = (count: number, waitedMs: number) => {
    let turns = noTurns;
    let now = 1_000;
    for (; now < 1_000 + 2 * intervalMs; now += 5) {
      const waiting = { count, firstSince: now - waitedMs };
      turns = afterTurn(turns, { dueAt: now, endedAt: now, arrived: 1, waiting });
    }
    return isOverloaded({ turns, now });
  };
  expect(overloaded(requestsMin, targetMs + 1)).toBe(true);
  expect(overloaded(requestsMin, targetMs)).toBe(false);
  expect(overloaded(requestsMin - 2, targetMs + 1)).toBe(false);
});
