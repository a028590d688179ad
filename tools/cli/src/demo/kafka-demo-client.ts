import { AnswerTimedOut, RequestDeclined, RequestFailed, type SluiceClient } from "@sluice/client";
import { type Ended, endOf } from "./answer.ts";
import type { DemoClient } from "./demo-client.ts";

/** How long one answer may take, in milliseconds. */
const timeoutMs = 120_000;

/** Asks as a platform team does: a signed record on `inference.requested`, its outcome from `inference.responded`. */
export class KafkaDemoClient implements DemoClient {
  constructor(private readonly client: SluiceClient) {}

  async ask(prompt: string, signal: AbortSignal): Promise<Ended> {
    const messages = [{ role: "user", content: prompt }];
    try {
      return endOf(await this.client.ask({ messages }, { timeoutMs, signal }));
    } catch (error) {
      if (error instanceof RequestDeclined || error instanceof RequestFailed)
        return endOf(error.response);
      if (!(error instanceof AnswerTimedOut)) throw error;
      return { kind: "unanswered", code: "no_answer_yet", attempts: 0 };
    }
  }
}
