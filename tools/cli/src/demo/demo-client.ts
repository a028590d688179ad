import type { DemoOutcome } from "./demo-outcome.ts";

/** Sends prompts over one transport. */
export interface DemoClient {
  /** Sends one prompt. Returns refusals as values. @throws if the transport fails, for example without a broker */
  ask(prompt: string, signal: AbortSignal): Promise<DemoOutcome>;
}
