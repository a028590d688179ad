/** Rings for readers that have not come yet, or have left; the oldest are forgotten. */
const earlyRingsMax = 1_024;

/** Readers of this process that wait for a request's reply to grow, by the request's key. */
export class WaitingReaders {
  readonly #readers = new Map<string, Set<ReplyBell>>();
  readonly #earlyRings = new Set<string>();

  /** Must be given back with {@link leave}. */
  join(key: string): ReplyBell {
    const bell = new ReplyBell();
    if (this.#earlyRings.delete(key)) bell.ring();
    const bells = this.#readers.get(key);
    if (bells) bells.add(bell);
    else this.#readers.set(key, new Set([bell]));
    return bell;
  }

  leave(key: string, bell: ReplyBell): void {
    const bells = this.#readers.get(key);
    bells?.delete(bell);
    if (bells?.size === 0) this.#readers.delete(key);
  }

  /** @param said what the reader need not read any more, if so. */
  ring(key: string, said?: Buffer): void {
    const bells = this.#readers.get(key);
    if (!bells) return this.#ringEarly(key);
    for (const bell of bells) bell.ring(said);
  }

  /** A request may end before the one who sent it begins to wait. */
  #ringEarly(key: string): void {
    this.#earlyRings.add(key);
    if (this.#earlyRings.size <= earlyRingsMax) return;
    const [oldest] = this.#earlyRings;
    this.#earlyRings.delete(oldest!);
  }
}

/** Remembers one ring, so that one that comes while the reader reads is not lost. */
export class ReplyBell {
  #hasRung = false;
  #said: Buffer | null = null;
  #listening: (() => void) | null = null;

  /** What was said with the last ring. */
  get said(): Buffer | null {
    return this.#said;
  }

  ring(said: Buffer | null = null): void {
    this.#hasRung = true;
    this.#said = said;
    this.#listening?.();
  }

  /** Call before reading: what rings from here on ends the next {@link heard}. */
  reset(): void {
    this.#hasRung = false;
  }

  /** Until it rings, `signal` aborts, or the time is over. */
  async heard(afterMs: number, signal: AbortSignal): Promise<void> {
    if (this.#hasRung || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        this.#listening = null;
        resolve();
      };
      const timer = setTimeout(end, afterMs);
      signal.addEventListener("abort", end);
      this.#listening = end;
    });
  }
}
