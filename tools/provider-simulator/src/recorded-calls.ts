import { BoundedMap } from "./bounded-map.ts";

/** A body may have 8 MiB. */
const RECORDS_MAX = 256;

/** The last call under a name, as it arrived. */
export interface RecordedCall {
  readonly attemptId: string;
  /** How many calls came under this name. */
  readonly calls: number;
  readonly body: unknown;
  /** The header, null where none came. */
  readonly traceparent: string | null;
}

/**
 * The bodies, and the trace, of calls whose prompt asked to be recorded, so that a test can hold what
 * arrived against what was sent. In memory alone; nothing of it is logged.
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
