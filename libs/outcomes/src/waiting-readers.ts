/** Readers of this process that wait for a request's reply to grow, by the request's key. */
export class WaitingReaders {
  readonly #readers = new Map<string, Set<ReplyBell>>();

  /** Must be given back with {@link leave}. */
  join(key: string): ReplyBell {
    const bell = new ReplyBell();
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

  ring(key: string): void {
    for (const bell of this.#readers.get(key) ?? []) bell.ring();
  }
}

/** Remembers one ring, so that one that comes while the reader reads is not lost. */
export class ReplyBell {
  #hasRung = false;
  #listening: (() => void) | null = null;

  ring(): void {
    this.#hasRung = true;
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
