/** Limits how many pieces of work are in progress at once. The work that has waited longest is next. */
export class Slots {
  private readonly waiting: (() => void)[] = [];

  constructor(private free: number) {}

  /** Runs the work as soon as a slot is free. The slot is free again when the work ends, also if it fails. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      // The slot is handed over, so that work that has just arrived cannot take it.
      if (next) next();
      else this.free += 1;
    }
  }
}
