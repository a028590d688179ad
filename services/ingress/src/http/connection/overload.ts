/**
 * A turn of the event loop is late if it lasts this much longer than {@link turnMs}, or if a request has waited
 * for longer than this when it ends. In milliseconds.
 */
export const targetMs = 10;
/** The process is overloaded if all turns of so many milliseconds were late. */
export const intervalMs = 100;
/** One long turn is a pause (a garbage collection, a frozen process) and not an overload. */
export const lateTurnsMin = 3;
/** How long a process counts as overloaded after its last late turn. Otherwise each end of an overload would begin the next one. */
export const memoryMs = 1_000;
/**
 * A late turn counts only if so many requests arrived in it or wait. With fewer clients at a time each waits for
 * few others, and with a few requests it is other work that makes the process late.
 */
export const requestsMin = 32;
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

/** A turn of the event loop, which should have ended at `dueAt`. */
export interface Turn {
  readonly dueAt: number;
  readonly endedAt: number;
  /** The requests that arrived in it. */
  readonly arrived: number;
  /** The requests that wait at its end, and since when the first of them does. */
  readonly waiting: Waiting;
}

export interface Waiting {
  readonly count: number;
  /** Null if none waits. */
  readonly firstSince: number | null;
}

/** Returns what is known after a turn has ended. Pure. */
export function afterTurn(turns: Turns, { dueAt, endedAt, arrived, waiting }: Turn): Turns {
  const lateMs = endedAt - Math.min(dueAt, waiting.firstSince ?? dueAt);
  const isLate = lateMs > targetMs && arrived + waiting.count >= requestsMin;
  if (!isLate) return { ...turns, lateSince: null, lateTurns: 0 };
  const lateSince = turns.lateSince ?? dueAt;
  const lateTurns = turns.lateTurns + 1;
  const isLasting = lateTurns >= lateTurnsMin && endedAt - lateSince >= intervalMs;
  const isOverloaded = isLasting || dueAt < turns.overloadedUntil;
  const overloadedUntil = isOverloaded ? endedAt + memoryMs : turns.overloadedUntil;
  return { lateSince, lateTurns, overloadedUntil };
}

/** The clock and the event loop, which a test replaces. */
export interface LoopTime {
  now(): number;
  after(ms: number, run: () => void): void;
  /** Runs something when the current turn has read all that has arrived. */
  afterReading(run: () => void): void;
}

export const realTime: LoopTime = {
  now: () => performance.now(),
  after: (ms, run) => void setTimeout(run, ms).unref(),
  afterReading: (run) => void setImmediate(run),
};

/**
 * Finds out whether this process has more requests than it can answer soon. It measures how late a timer is,
 * which is how long everything else waits too, and how long requests wait. Without requests, no timer runs.
 *
 * This is CoDel, in the form for servers that B. Maurer describes in "Fail at Scale" (ACM Queue, 2015).
 */
export class Overload {
  #turns = noTurns;
  #turn: { readonly dueAt: number; arrived: number } | undefined;

  constructor(
    private readonly waiting: () => Waiting,
    private readonly time: LoopTime = realTime,
  ) {}

  /** Counts a request that has arrived, and returns whether the process is overloaded. */
  countArrival(now: number): boolean {
    this.#turn ??= this.#begin(now);
    this.#turn.arrived += 1;
    return now < this.#turns.overloadedUntil;
  }

  #begin(now: number): { readonly dueAt: number; arrived: number } {
    this.time.after(turnMs, () => this.#end());
    return { dueAt: now + turnMs, arrived: 0 };
  }

  #end(): void {
    if (!this.#turn) return;
    const endedAt = this.time.now();
    const waiting = this.waiting();
    this.#turns = afterTurn(this.#turns, { ...this.#turn, endedAt, waiting });
    const isIdle = this.#turn.arrived + waiting.count === 0;
    this.#turn = isIdle ? undefined : this.#begin(endedAt);
  }
}
