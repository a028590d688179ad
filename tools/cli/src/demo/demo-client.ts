import type { DemoOutcome } from "./demo-outcome.ts";

/** One transport into Sluice. */
export interface DemoClient {
  /** Refusals are values. @throws when the transport itself is broken: no broker, no registry. */
  ask(prompt: string, signal: AbortSignal): Promise<DemoOutcome>;
}
