import type { IngressMetrics } from "../../metrics.ts";

/** A turn of the event loop is late if it lasts this much longer than {@link turnMs}, in milliseconds. */
export const targetMs = 10;
/** The process is overloaded if all turns of so many milliseconds were late. */
export const intervalMs = 100;
/** One long turn is a pause (a garbage collection, a frozen process) and not an overload. */
export const lateTurnsMin = 3;
/** How long a process counts as overloaded after its last late turn. Otherwise each end of an overload would begin the next one. */
export const memoryMs = 1_000;
/**
 * A late turn counts only if so many requests arrived in it. With fewer clients at a time each waits for few
 * others, and with a few requests it is other work that makes the process late.
 */
export const arrivedMin = 32;
/** So many requests of each turn are accepted in any case, so that the process always works. */
export const acceptedPerTurnMin = 8;
const turnMs = 5;

/** What is known of the turns of the event loop. Times are in milliseconds. */
export interface Turns {
  /** When the current row of late turns began; null if the last turn was not late. */
  readonly lateSince: number | null;
  /** The late turns of this row. */
  readonly lateTurns: number;
  /** The process is overloaded until then. */
  readonly overloadedUntil: number;
}

export const noTurns: Turns = { lateSince: null, lateTurns: 0, overloadedUntil: 0 };

/** A turn of the event loop, which should end at `dueAt`. */
export interface Turn {
  readonly dueAt: number;
  /** The requests that arrived in it, and those of them that were accepted. */
  readonly arrived: number;
  readonly accepted: number;
}

/** Returns what is known after a turn has ended. Pure. */
export function afterTurn(turns: Turns, { dueAt, arrived }: Turn, endedAt: number): Turns {
  const isLate = endedAt - dueAt > targetMs && arrived >= arrivedMin;
  if (!isLate) return { ...turns, lateSince: null, lateTurns: 0 };
  const lateSince = turns.lateSince ?? dueAt;
  const lateTurns = turns.lateTurns + 1;
  const isLasting = lateTurns >= lateTurnsMin && endedAt - lateSince >= intervalMs;
  const isOverloaded = isLasting || dueAt < turns.overloadedUntil;
  const overloadedUntil = isOverloaded ? endedAt + memoryMs : turns.overloadedUntil;
  return { lateSince, lateTurns, overloadedUntil };
}

/**
 * Decides whether a request that is read now is refused: the process is overloaded, and this turn is
 * late already. The request has therefore waited for that long, and would wait again for each of its
 * steps. Pure.
 */
export function isShed(turns: Turns, { dueAt, accepted }: Turn, now: number): boolean {
  return now < turns.overloadedUntil && accepted >= acceptedPerTurnMin && now - dueAt > targetMs;
}

/** The clock and timer of {@link LoadShedding}, which a test replaces. */
export interface LoopTime {
  now(): number;
  after(ms: number, run: () => void): void;
}

const realTime: LoopTime = {
  now: () => performance.now(),
  after: (ms, run) => void setTimeout(run, ms).unref(),
};

/**
 * Refuses requests at once while this process is too busy to answer all of them soon, so that those
 * that it accepts keep their latency. It measures how late a timer is, which is how long everything
 * else waits too. Without requests, no timer runs.
 *
 * This is CoDel, in the form for servers that B. Maurer describes in "Fail at Scale" (ACM Queue, 2015).
 */
export class LoadShedding {
  #turns = noTurns;
  #turn: Turn | undefined;

  constructor(
    private readonly metrics: IngressMetrics,
    private readonly time: LoopTime = realTime,
  ) {}

  /** Counts a request that arrives, and returns whether it is refused. */
  sheds(): boolean {
    const turn = this.#turn ?? this.#begin();
    const isRefused = isShed(this.#turns, turn, this.time.now());
    const accepted = turn.accepted + (isRefused ? 0 : 1);
    this.#turn = { ...turn, arrived: turn.arrived + 1, accepted };
    if (isRefused) this.metrics.decisions.inc({ decision: "shed", reason: "delay" });
    return isRefused;
  }

  #begin(): Turn {
    this.time.after(turnMs, () => this.#end());
    return { dueAt: this.time.now() + turnMs, arrived: 0, accepted: 0 };
  }

  #end(): void {
    const turn = this.#turn;
    if (!turn) return;
    this.#turns = afterTurn(this.#turns, turn, this.time.now());
    this.#turn = turn.arrived > 0 ? this.#begin() : undefined;
  }
}
