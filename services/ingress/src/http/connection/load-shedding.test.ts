import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { IngressMetrics } from "../../metrics.ts";
import {
  acceptedPerTurnMin,
  afterTurn,
  arrivedMin,
  intervalMs,
  isShed,
  LoadShedding,
  memoryMs,
  noTurns,
  targetMs,
  type Turn,
  type Turns,
} from "./load-shedding.ts";

const busy = { arrived: 100, accepted: 100 };
const longMs = intervalMs / 2;

function turnAt(dueAt: number): Turn {
  return { dueAt, ...busy };
}

/** Lets turns of these lengths beyond their due time follow each other. */
function turnsOf(latenessesMs: readonly number[], from = 1_000, turns: Turns = noTurns) {
  let now = from;
  for (const lateMs of latenessesMs) {
    turns = afterTurn(turns, turnAt(now), now + lateMs);
    now += lateMs;
  }
  return { turns, now };
}

/** Whether a request is refused that is read long after the turn was due. */
const isShedAt = (turns: Turns, now: number) => isShed(turns, turnAt(now - longMs), now);

test("requests are refused once all turns of an interval were late, and not before", () => {
  const short = turnsOf([longMs, longMs - 1]);
  expect(isShedAt(short.turns, short.now)).toBe(false);
  const long = turnsOf([longMs, longMs, longMs]);
  expect(isShedAt(long.turns, long.now)).toBe(true);
});

test("one long pause is not an overload", () => {
  const { turns, now } = turnsOf([12_000, 2 * longMs]);
  expect(isShedAt(turns, now)).toBe(false);
});

test("a turn in time begins a new row", () => {
  const { turns, now } = turnsOf([longMs, longMs, targetMs, longMs, longMs]);
  expect(isShedAt(turns, now)).toBe(false);
});

test("a turn with few requests begins a new row, however late it is", () => {
  const { turns, now } = turnsOf([longMs, longMs]);
  const few = { dueAt: now, arrived: arrivedMin - 1, accepted: arrivedMin - 1 };
  const later = turnsOf([longMs, longMs], now + 60_000, afterTurn(turns, few, now + 60_000));
  expect(isShedAt(later.turns, later.now)).toBe(false);
});

test("an overloaded process accepts what it reads in time, and a few requests of each turn", () => {
  const { turns, now } = turnsOf([longMs, longMs, longMs]);
  expect(isShed(turns, turnAt(now - targetMs), now)).toBe(false);
  const accepted = acceptedPerTurnMin - 1;
  expect(isShed(turns, { ...turnAt(now - longMs), accepted }, now)).toBe(false);
});

test("an overload is remembered for a second after its last late turn", () => {
  const { turns, now } = turnsOf([longMs, longMs, longMs]);
  const calm = turnsOf([1, 1, 1], now, turns);
  expect(isShedAt(calm.turns, now + memoryMs - 1)).toBe(true);
  expect(isShedAt(calm.turns, now + memoryMs)).toBe(false);
  const again = turnsOf([longMs], now + memoryMs / 2, calm.turns);
  expect(isShedAt(again.turns, again.now + memoryMs - 1)).toBe(true);
});

/** A single core that serves requests one after the other, each for `serviceMs`, and refuses for a tenth of it. */
function serve({ perSecond, serviceMs }: { perSecond: number; serviceMs: number }) {
  let now = 0;
  let due: { at: number; run: () => void } | undefined;
  const after = (ms: number, run: () => void) => (due = { at: now + ms, run });
  const metrics = new IngressMetrics(new Registry());
  const shedding = new LoadShedding(metrics, { now: () => now, after });
  const delaysMs: number[] = [];
  let next = 0;
  while (now < 10_000) {
    if (due && due.at <= now) due.run();
    const arrivedUntil = now;
    // Node reads all connections that have sent something before it looks at its timers again.
    for (; next * (1_000 / perSecond) <= arrivedUntil; next += 1) {
      const isRefused = shedding.sheds();
      now += isRefused ? serviceMs / 10 : serviceMs;
      if (!isRefused) delaysMs.push(now - next * (1_000 / perSecond));
    }
    now += 0.01;
  }
  delaysMs.sort((a, b) => a - b);
  return { share: delaysMs.length / next, p95Ms: delaysMs[Math.floor(0.95 * delaysMs.length)]! };
}

/** As {@link serve}, for clients of which each sends its next request when it has its answer. */
function serveInTurns(clients: number, serviceMs: number) {
  let now = 0;
  let due: { at: number; run: () => void } | undefined;
  const after = (ms: number, run: () => void) => (due = { at: now + ms, run });
  const shedding = new LoadShedding(new IngressMetrics(new Registry()), { now: () => now, after });
  let refused = 0;
  for (let round = 0; round < 200; round += 1) {
    if (due && due.at <= now) due.run();
    for (let client = 0; client < clients; client += 1) {
      const isRefused = shedding.sheds();
      now += isRefused ? serviceMs / 10 : serviceMs;
      refused += Number(isRefused);
    }
  }
  return refused;
}

test("a few clients that send one request after the other are never refused, however slow each is", () => {
  expect(serveInTurns(24, 10)).toBe(0);
  expect(serveInTurns(200, 10)).toBeGreaterThan(0);
});

test("below capacity no request is refused, and beyond it most of the capacity is used with short delays", () => {
  expect(serve({ perSecond: 1_500, serviceMs: 0.5 })).toMatchObject({ share: 1 });
  const { share, p95Ms } = serve({ perSecond: 4_000, serviceMs: 0.5 });
  expect(share).toBeGreaterThan(0.3);
  expect(share).toBeLessThan(0.5);
  expect(p95Ms).toBeLessThan(50);
});
