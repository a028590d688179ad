/** Notifications for readers that have not started yet, or have left. The oldest are dropped. */
const earlyNotificationsMax = 1_024;

/** The readers of this process that wait for a request's reply to grow, by the request's key. */
export class WaitingReaders {
  readonly #readers = new Map<string, Set<WaitingReader>>();
  readonly #earlyNotifications = new Set<string>();

  /** Adds a reader. It must be removed with {@link remove}. */
  add(key: string): WaitingReader {
    const reader = new WaitingReader();
    if (this.#earlyNotifications.delete(key)) reader.notify();
    const readers = this.#readers.get(key);
    if (readers) readers.add(reader);
    else this.#readers.set(key, new Set([reader]));
    return reader;
  }

  remove(key: string, reader: WaitingReader): void {
    const readers = this.#readers.get(key);
    readers?.delete(reader);
    if (readers?.size === 0) this.#readers.delete(key);
  }

  /** Wakes the readers of a request. @param outcome the outcome's bytes, if the notification carries them */
  notify(key: string, outcome?: Buffer): void {
    const readers = this.#readers.get(key);
    if (!readers) return this.#keepForLater(key);
    for (const reader of readers) reader.notify(outcome);
  }

  /** Wakes all readers, because notifications may have been lost. */
  notifyAll(): void {
    for (const readers of this.#readers.values()) for (const reader of readers) reader.notify();
  }

  /** A request may end before its client begins to wait. */
  #keepForLater(key: string): void {
    this.#earlyNotifications.add(key);
    if (this.#earlyNotifications.size <= earlyNotificationsMax) return;
    const [oldest] = this.#earlyNotifications;
    this.#earlyNotifications.delete(oldest!);
  }
}

/** Remembers a notification that arrives while the reader reads, so that it is not lost. */
export class WaitingReader {
  #isNotified = false;
  #outcome: Buffer | null = null;
  #wake: (() => void) | null = null;

  /** The outcome's bytes, if the last notification carried them. */
  get outcome(): Buffer | null {
    return this.#outcome;
  }

  notify(outcome: Buffer | null = null): void {
    this.#isNotified = true;
    this.#outcome = outcome;
    this.#wake?.();
  }

  /** Forgets the last notification. Call it before reading: any later notification ends the next {@link wait}. */
  reset(): void {
    this.#isNotified = false;
  }

  /** Waits for a notification, until `signal` aborts or the time is over. */
  async wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (this.#isNotified || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        this.#wake = null;
        resolve();
      };
      const timer = setTimeout(end, timeoutMs);
      signal.addEventListener("abort", end);
      this.#wake = end;
    });
  }
}
