/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMillis = number;

/** Port that returns the time, so that a test can set it. */
export abstract class Clock {
  abstract now(): EpochMillis;
}

export class SystemClock extends Clock {
  override now(): EpochMillis {
    return Date.now();
  }
}
