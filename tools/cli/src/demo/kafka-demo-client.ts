import { AnswerTimedOut, RequestDeclined, RequestFailed, type SluiceClient } from "@sluice/client";
import { type DemoOutcome, demoOutcomeOf } from "./demo-outcome.ts";
import type { DemoClient } from "./demo-client.ts";

/** The limit for one answer. */
const timeoutMs = 120_000;

/**
 * Sends prompts as a platform team does: as signed records on `inference.requested`. Reads the
 * outcomes from `inference.responded`.
 */
export class KafkaDemoClient implements DemoClient {
  constructor(private readonly client: SluiceClient) {}

  async ask(prompt: string, signal: AbortSignal): Promise<DemoOutcome> {
    const messages = [{ role: "user", content: prompt }];
    try {
      return demoOutcomeOf(await this.client.ask({ messages }, { timeoutMs, signal }));
    } catch (error) {
      if (error instanceof RequestDeclined || error instanceof RequestFailed)
        return demoOutcomeOf(error.response);
      if (!(error instanceof AnswerTimedOut)) throw error;
      return { kind: "unanswered", code: "no_answer_yet", attempts: 0 };
    }
  }
}
