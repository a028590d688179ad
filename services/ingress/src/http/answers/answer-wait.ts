import { Injectable, type OnModuleDestroy } from "@nestjs/common";
import type { InferenceResponded } from "@sluice/contracts";
import { Clock } from "@sluice/domain";
import { decodeTokens, Replies, type TokenPayload } from "@sluice/request-state";
import { answerExpired, deadlineExceeded, stoppingSoon } from "../api-error.ts";
import type { RunningRequest } from "../http-admission.ts";

export type AnswerEvent =
  | { readonly kind: "tokens"; readonly payload: TokenPayload }
  /** `isComplete` is false if tokens were yielded and others were lost. */
  | { readonly kind: "end"; readonly outcome: InferenceResponded; readonly isComplete: boolean };

/** After the deadline. The adapter ends its call at the deadline, and its outcome needs time to arrive. */
const graceMs = 5_000;

/** How long waiting clients may still receive their answer after the process began to stop. */
const drainMs = 4_000;

/** Waits for the answers of running requests, at most until their deadline. */
@Injectable()
export class AnswerWait implements OnModuleDestroy {
  readonly #stopping = new AbortController();

  constructor(
    private readonly replies: Replies,
    private readonly clock: Clock,
  ) {}

  /**
   * Ends all waits after a short time, because the server closes only when no request waits, and a
   * wait can take minutes. An SDK's retry joins its running request at another instance.
   */
  onModuleDestroy(): void {
    setTimeout(() => this.#stopping.abort(), drainMs).unref();
  }

  /**
   * Yields tokens in order and then the outcome. Ends without an outcome if the client has gone.
   *
   * @throws ApiError 504 if nothing arrived in time, 409 if the answer has expired, and 503 if the
   *   process stops first
   */
  async *listen(
    { ref, deadlineAt, readerId, isNew }: RunningRequest,
    clientGone: AbortSignal,
  ): AsyncGenerator<AnswerEvent> {
    const leftMs = Math.max(deadlineAt - this.clock.now(), 0) + graceMs;
    const stopping = this.#stopping.signal;
    const signal = AbortSignal.any([clientGone, stopping, AbortSignal.timeout(leftMs)]);
    for await (const event of this.replies.follow(ref, readerId, signal, isNew)) {
      if (event.kind === "token") yield { kind: "tokens", payload: decodeTokens(event.payload) };
      if (event.kind === "end") {
        yield event;
        return;
      }
      if (event.kind === "answer-gone") throw answerExpired();
    }
    if (clientGone.aborted) return;
    throw stopping.aborted ? stoppingSoon() : deadlineExceeded();
  }

  /** Returns the outcome and ignores tokens; undefined if the client has gone. */
  async outcomeOf(
    running: RunningRequest,
    clientGone: AbortSignal,
  ): Promise<InferenceResponded | undefined> {
    for await (const event of this.listen(running, clientGone))
      if (event.kind === "end") return event.outcome;
    return undefined;
  }

  /**
   * Notes that the client has left and cannot ask again. If no other client waits for the request,
   * this ends the provider's call, so that no more of it is paid.
   */
  async cancel({ ref, readerId }: RunningRequest): Promise<void> {
    await this.replies.cancel(ref, readerId);
  }
}
