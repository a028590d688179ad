import type { OnModuleDestroy } from "@nestjs/common";
import type { InferenceResponded } from "@sluice/contracts";
import type { Clock } from "@sluice/domain";
import { decodeTokens, type Replies, type TokenPayload } from "@sluice/request-state";
import { ApiError, unavailable } from "../api-error.ts";
import type { Running } from "../http-admission.ts";

export type Heard =
  | { readonly kind: "tokens"; readonly payload: TokenPayload }
  | { readonly kind: "end"; readonly outcome: InferenceResponded };

/** The adapter ends its call at the deadline; what it then says needs time to get here. */
const graceMs = 5_000;

/** How long those who wait may still get their answer once the process is to end. */
const drainMs = 4_000;

/** What comes back for one request, until its end or its deadline. */
export class AnswerWait implements OnModuleDestroy {
  readonly #stopping = new AbortController();

  constructor(
    private readonly replies: Replies,
    private readonly clock: Clock,
  ) {}

  /**
   * The server closes only when nobody waits any more, and a wait can take minutes. Whoever
   * is sent away comes back to another instance: an SDK's retry joins the request that runs.
   */
  onModuleDestroy(): void {
    setTimeout(() => this.#stopping.abort(), drainMs).unref();
  }

  /**
   * Tokens in order, closed by the outcome.
   *
   * @param gone aborts when the caller has left; then it ends without an outcome.
   * @throws ApiError 504 when nothing came in time, 409 when the answer is no longer kept,
   *   503 when the process ends first.
   */
  async *listen({ ref, deadlineAt, isNew }: Running, gone: AbortSignal): AsyncGenerator<Heard> {
    const leftMs = Math.max(deadlineAt - this.clock.now(), 0) + graceMs;
    const stopping = this.#stopping.signal;
    const signal = AbortSignal.any([gone, stopping, AbortSignal.timeout(leftMs)]);
    for await (const event of this.replies.follow(ref, signal, isNew)) {
      if (event.kind === "token") yield { kind: "tokens", payload: decodeTokens(event.payload) };
      if (event.kind === "end") {
        yield { kind: "end", outcome: event.outcome };
        return;
      }
      if (event.kind === "answer-gone")
        throw new ApiError(409, "answer_expired", "The answer is no longer kept; ask anew.");
    }
    if (gone.aborted) return;
    throw stopping.aborted
      ? unavailable("unavailable", "The service is stopping; try again.")
      : tooLate();
  }

  /** Only the end counts. Undefined when the caller has left. */
  async outcomeOf(running: Running, gone: AbortSignal): Promise<InferenceResponded | undefined> {
    for await (const heard of this.listen(running, gone))
      if (heard.kind === "end") return heard.outcome;
    return undefined;
  }

  /** The caller of a stream has left, and nobody can ask for the answer again: stop paying for it. */
  async cancel({ ref }: Running): Promise<void> {
    await this.replies.cancel(ref);
  }
}

function tooLate(): ApiError {
  return new ApiError(
    504,
    "deadline_exceeded",
    "No answer came before the deadline; allow more time by 'x-sluice-deadline'.",
    { headers: { "x-should-retry": "false" } },
  );
}
