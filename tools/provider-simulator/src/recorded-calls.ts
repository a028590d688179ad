import { BoundedMap } from "./bounded-map.ts";

/** The limit is small because a body can have 8 MiB. */
const RECORDS_MAX = 256;

/** The last call with a name, as it arrived. */
export interface RecordedCall {
  readonly attemptId: string;
  /** Count of calls with this name. */
  readonly calls: number;
  readonly body: unknown;
  /** The header; null if the call had none. */
  readonly traceparent: string | null;
}

/**
 * The bodies and traces of calls whose prompt requests a recording, so that a test can compare the received
 * call with the sent one. They are kept in memory only and never logged.
 */
export class RecordedCalls {
  readonly #byName = new BoundedMap<string, RecordedCall>(RECORDS_MAX);

  add(name: string, call: Omit<RecordedCall, "calls">): void {
    const calls = (this.#byName.get(name)?.calls ?? 0) + 1;
    this.#byName.set(name, { ...call, calls });
  }

  of(name: string): RecordedCall | undefined {
    return this.#byName.get(name);
  }

  clear(): void {
    this.#byName.clear();
  }
}
