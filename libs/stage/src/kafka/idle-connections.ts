import { createRequire } from "node:module";

/** The members of kafkajs's request queue that are patched. */
interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  scheduleCheckPendingRequests(): void;
}

let quietened = false;

/**
 * Stops idle connections from polling. kafkajs 2.2.4 polls its request queue every millisecond while
 * a connection is idle, because it schedules a timer with a negative delay (tulios/kafkajs#1751, open
 * since May 2025). Scheduling only when a request waits removes the loop and Node's
 * TimeoutNegativeWarning.
 */
export function quietenIdleConnections(): void {
  if (quietened) return;
  quietened = true;
  const load = createRequire(import.meta.url);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- kafkajs does not type its internals
  const { prototype } = load("kafkajs/src/network/requestQueue") as { prototype: RequestQueue };
  // oxlint-disable-next-line typescript/unbound-method -- called with its receiver below
  const schedule = prototype.scheduleCheckPendingRequests;

  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    const waiting = this.pending.length > 0 || this.throttledUntil > Date.now();
    if (waiting) schedule.call(this);
  };
}
