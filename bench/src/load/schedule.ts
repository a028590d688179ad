/** Evenly spaced starts, fixed before the first request is sent: a slow answer delays none of them. */
export interface Schedule {
  readonly count: number;
  readonly perSecond: number;
}

export function scheduleOf(perSecond: number, seconds: number): Schedule {
  return { count: Math.round(perSecond * seconds), perSecond };
}

/** When request `index`, from 0, has to begin, in ms after the first. */
export function startMsOf({ perSecond }: Schedule, index: number): number {
  return (index * 1000) / perSecond;
}

/** How many requests have to have begun `elapsedMs` after the first. */
export function dueBy({ count, perSecond }: Schedule, elapsedMs: number): number {
  // A rounding error must not hold a request back that is due in this instant.
  return Math.min(count, Math.floor((elapsedMs * perSecond) / 1000 + 1e-9) + 1);
}
