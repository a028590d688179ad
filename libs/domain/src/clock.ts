/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMillis = number;

/** Port: decisions are given the time, so that a test can say what time it is. */
export abstract class Clock {
  abstract now(): EpochMillis;
}

export class SystemClock extends Clock {
  override now(): EpochMillis {
    return Date.now();
  }
}
