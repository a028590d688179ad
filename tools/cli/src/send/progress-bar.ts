/** Returns the progress of a run as one line of at most 80 columns. Pure. */
export function barOf(done: number, total: number, unanswered: number, seconds: number): string {
  const width = 30;
  const full = Math.floor((done / Math.max(total, 1)) * width);
  const bar = "#".repeat(full) + ".".repeat(width - full);
  const left = done === 0 ? "" : `, ${Math.ceil((seconds / done) * (total - done))} s left`;
  const trouble = unanswered === 0 ? "" : `, ${unanswered} unanswered`;
  return `[${bar}] ${done}/${total}${trouble}${left}`;
}

const drawEveryMs = 100;

/** Draws a progress bar, if the stream is a terminal. */
export class ProgressBar {
  readonly #startMs = performance.now();
  #drawnMs = 0;

  constructor(
    private readonly total: number,
    private readonly terminal: NodeJS.WriteStream = process.stderr,
  ) {}

  draw(done: number, unanswered: number): void {
    const nowMs = performance.now();
    if (!this.terminal.isTTY) return;
    if (done < this.total && nowMs - this.#drawnMs < drawEveryMs) return;
    this.#drawnMs = nowMs;
    const text = barOf(done, this.total, unanswered, (nowMs - this.#startMs) / 1000);
    this.terminal.write(`\r\u001b[K${text}`);
  }

  /** Removes the bar, so that other output can take its line. */
  clear(): void {
    if (this.terminal.isTTY) this.terminal.write("\r\u001b[K");
    this.#drawnMs = 0;
  }
}
