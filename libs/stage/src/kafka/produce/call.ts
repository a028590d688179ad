import type { WireMessage } from "./send-batch.ts";

/** One call of `publish`. Its messages may go to several partitions, in several requests. */
export class Call {
  settled = false;
  /** How many sends with a message of this call have failed, by partition. */
  private readonly failures = new Map<string, number>();
  /** Why the last of them failed. */
  trouble: string | undefined;
  private open: number;
  private readonly timer: NodeJS.Timeout;
  private readonly end = Promise.withResolvers<void>();
  readonly done = this.end.promise;

  constructor(messages: number, timeoutMs: number, late: (call: Call) => void) {
    this.open = messages;
    this.timer = setTimeout(() => late(this), timeoutMs);
  }

  /** Counts a failed send to a partition, and returns how many there were. */
  countFailure(place: string): number {
    const failures = (this.failures.get(place) ?? 0) + 1;
    this.failures.set(place, failures);
    return failures;
  }

  acknowledge(messages: number): void {
    this.open -= messages;
    if (this.open > 0 || this.settled) return;
    this.settle();
    this.end.resolve();
  }

  reject(fault: Error): void {
    if (this.settled) return;
    this.settle();
    this.end.reject(fault);
  }

  private settle(): void {
    this.settled = true;
    clearTimeout(this.timer);
  }
}

export interface Waiting {
  readonly message: WireMessage;
  readonly call: Call;
}

/** Returns the calls of these messages that still wait. */
export function openCallsOf(batch: readonly Waiting[]): ReadonlySet<Call> {
  return new Set(batch.map(({ call }) => call).filter(({ settled }) => !settled));
}
