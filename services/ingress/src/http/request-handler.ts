import { Inject, Injectable } from "@nestjs/common";
import type { InferenceResponded } from "@sluice/contracts";
import { type Logger, LOGGER } from "@sluice/telemetry";
import type { FastifyReply } from "fastify";
import { IngressMetrics } from "../metrics.ts";
import type { RequestBody } from "../request/request-body.ts";
import { AnswerWait } from "./answers/answer-wait.ts";
import { type CompletedOutcome, headersOf, isCompleted } from "./answers/completion.ts";
import { ApiError, unavailable } from "./api-error.ts";
import { ConcurrencyLimit } from "./concurrency-limit.ts";
import { HttpAdmission, type HttpRequest, type AdmissionResult } from "./http-admission.ts";

/** A request that was admitted, joined or answered from the cache, and whose client waits for the answer. */
export interface Exchange<B extends RequestBody> extends HttpRequest<B> {
  readonly result: AdmissionResult;
  readonly reply: FastifyReply;
  /** Aborts if the client closes the connection before it has the answer. */
  readonly clientGone: AbortSignal;
}

/** Does what all paths have in common: limits concurrency, admits, and publishes what follows the answer. */
@Injectable()
export class RequestHandler {
  constructor(
    private readonly admission: HttpAdmission,
    private readonly answers: AnswerWait,
    private readonly limit: ConcurrencyLimit,
    private readonly metrics: IngressMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Admits the request and calls `answer`, which sends the response.
   *
   * @throws ApiError if the request is refused or ends without an answer
   */
  async handle<B extends RequestBody>(
    request: HttpRequest<B>,
    reply: FastifyReply,
    answer: (exchange: Exchange<B>) => Promise<void>,
  ): Promise<void> {
    const release = this.limit.acquire();
    if (!release) {
      this.metrics.decisions.inc({ decision: "shed", reason: "overloaded" });
      throw unavailable("overloaded", "Too many requests wait for an answer; try again.");
    }
    const clientGone = abortedOnClose(reply);
    try {
      const result = await this.admission.admit(request);
      await answer({ ...request, result, reply, clientGone });
      await this.afterAnswer(result);
    } finally {
      release();
    }
  }

  /** Sends the answer as one JSON body. @throws ApiError if the outcome is not completed */
  async sendWhole(
    { result, reply, clientGone }: Exchange<RequestBody>,
    bodyOf: (outcome: CompletedOutcome) => object,
  ): Promise<void> {
    const outcome = await this.outcomeOf(result, clientGone);
    if (!outcome) return;
    if (!isCompleted(outcome)) throw ApiError.ofOutcome(outcome);
    await reply.headers(headersOf(outcome.requestId, outcome.completed)).send(bodyOf(outcome));
  }

  private async outcomeOf(
    result: AdmissionResult,
    clientGone: AbortSignal,
  ): Promise<InferenceResponded | undefined> {
    return result.kind === "answered" ? result.outcome : this.answers.outcomeOf(result, clientGone);
  }

  private async afterAnswer(result: AdmissionResult): Promise<void> {
    if (result.kind === "running") return;
    await result.afterAnswer().catch((error: unknown) => {
      const { requestId } = result.outcome;
      this.logger.warn({ error, requestId }, "the saving of a hit was not published and is lost");
    });
  }
}

function abortedOnClose(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
