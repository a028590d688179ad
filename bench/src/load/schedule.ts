/** Evenly spaced start times, fixed before the first request is sent. A slow answer does not delay any of them. */
export interface Schedule {
  readonly count: number;
  readonly perSecond: number;
}

export function scheduleOf(perSecond: number, seconds: number): Schedule {
  return { count: Math.round(perSecond * seconds), perSecond };
}

/** Returns when request `index` (from 0) must start, in ms after the first one. */
export function startMsOf({ perSecond }: Schedule, index: number): number {
  return (index * 1000) / perSecond;
}

/** Returns how many requests must have started `elapsedMs` after the first one. */
export function dueBy({ count, perSecond }: Schedule, elapsedMs: number): number {
  // A rounding error must not delay a request that is due at exactly this time.
  return Math.min(count, Math.floor((elapsedMs * perSecond) / 1000 + 1e-9) + 1);
}
