import type { Ended } from "./answer.ts";

/** One way into Sluice. */
export interface DemoClient {
  /** Refusals are values. @throws when the way itself is broken: no broker, no registry. */
  ask(prompt: string, signal: AbortSignal): Promise<Ended>;
}
