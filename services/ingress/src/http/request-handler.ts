import { Inject, Injectable } from "@nestjs/common";
import type { InferenceResponded } from "@sluice/contracts";
import { Clock } from "@sluice/domain";
import { type Logger, LOGGER } from "@sluice/telemetry";
import type { FastifyReply } from "fastify";
import { deadlineOf } from "../admission/candidate.ts";
import { type LimitCheck, RequestLimits, unlimited } from "../limits/request-limits.ts";
import { IngressMetrics } from "../metrics.ts";
import type { RequestBody } from "../request/request-body.ts";
import { AnswerWait } from "./answers/answer-wait.ts";
import { type ClientReading, ClientReadings } from "./answers/client-reading.ts";
import { type CompletedOutcome, isCompleted, jsonHeadersOf } from "./answers/completion.ts";
import { ApiError, memoryFull, unavailable } from "./api-error.ts";
import { HttpAdmission, type HttpRequest, type AdmissionResult } from "./http-admission.ts";
import { rateLimitHeadersOf } from "./rate-limit-headers.ts";
import { WaitingPlaces } from "./waiting-places.ts";

/** A request that was admitted, joined or answered from the cache, and whose client waits for the answer. */
export interface Exchange<B extends RequestBody> extends HttpRequest<B> {
  readonly result: AdmissionResult;
  readonly reply: FastifyReply;
  readonly reading: ClientReading;
  /** Aborts if the client closes the connection before it has the answer. */
  readonly clientGone: AbortSignal;
  /** Is called with the outcome when it is known, so that the tokens of the answer are counted. */
  ends(this: void, outcome: InferenceResponded): void;
}

/** Does what all paths have in common: limits concurrency, admits, and publishes what follows the answer. */
@Injectable()
export class RequestHandler {
  constructor(
    private readonly admission: HttpAdmission,
    private readonly answers: AnswerWait,
    private readonly places: WaitingPlaces,
    private readonly limits: RequestLimits,
    private readonly readings: ClientReadings,
    private readonly clock: Clock,
    private readonly metrics: IngressMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Admits the request and calls `answer`, which sends the response and resolves when the client has
   * read it. The request keeps its place until then.
   *
   * @throws ApiError if the request is refused or ends without an answer
   */
  async handle<B extends RequestBody>(
    request: HttpRequest<B>,
    reply: FastifyReply,
    answer: (exchange: Exchange<B>) => Promise<void>,
  ): Promise<void> {
    const release = this.places.acquire(request.key.tenant);
    if (!release) {
      this.metrics.decisions.inc({ decision: "shed", reason: "overloaded" });
      throw unavailable(
        "overloaded",
        "Too many requests wait for an answer, and this tenant has its share; try again.",
      );
    }
    const clientGone = abortedOnClose(reply);
    const ownDeadlineAt = deadlineOf(request.headers.deadlineAt, "http", this.clock.now());
    try {
      let check = unlimited;
      const client = {
        gone: clientGone,
        receivesId: (requestId: string) => announce(reply, requestId),
        receivesLimits: (found: LimitCheck) => {
          check = found;
          setHeaders(reply, rateLimitHeadersOf(found.limits, found.states));
        },
      };
      const result = await this.admission.admit(request, client);
      const ends = (outcome: InferenceResponded) => this.limits.correct(check, outcome);
      const deadlineAt = result.kind === "running" ? result.deadlineAt : ownDeadlineAt;
      const reading = this.readings.of(reply.raw, deadlineAt);
      await answer({ ...request, result, reply, reading, clientGone, ends });
      await this.afterAnswer(result);
    } finally {
      release();
    }
  }

  /** Sends the answer as one JSON body. @throws ApiError if the outcome is not completed */
  async sendWhole(
    exchange: Exchange<RequestBody>,
    bodyOf: (outcome: CompletedOutcome) => object,
  ): Promise<void> {
    const outcome = await this.completedOf(exchange);
    if (!outcome) return;
    const { reply, reading } = exchange;
    const body = JSON.stringify(bodyOf(outcome));
    if (!reading.reserve(Buffer.byteLength(body))) throw memoryFull();
    void reply.headers(jsonHeadersOf(outcome)).send(body);
    await reading.finished();
  }

  /** Waits for the outcome. Returns undefined if the client has gone. @throws ApiError if the outcome is not completed */
  async completedOf({
    result,
    clientGone,
    ends,
  }: Exchange<RequestBody>): Promise<CompletedOutcome | undefined> {
    const outcome =
      result.kind === "answered"
        ? result.outcome
        : await this.answers.outcomeOf(result, clientGone);
    if (outcome) ends(outcome);
    if (outcome && !isCompleted(outcome)) throw ApiError.ofOutcome(outcome);
    return outcome;
  }

  private async afterAnswer(result: AdmissionResult): Promise<void> {
    if (result.kind === "running") return;
    await result.afterAnswer().catch((error: unknown) => {
      const { requestId } = result.outcome;
      this.logger.warn({ error, requestId }, "the saving of a hit was not published and is lost");
    });
  }
}

/**
 * Gives the response the id of its request, whatever it will be. OpenAI's SDKs show `x-request-id` as `_request_id` of an
 * answer and as `request_id` of an error.
 */
function announce(reply: FastifyReply, requestId: string): void {
  setHeaders(reply, { "x-sluice-request-id": requestId, "x-request-id": requestId });
}

function setHeaders({ raw }: FastifyReply, headers: Readonly<Record<string, string>>): void {
  if (raw.headersSent) return;
  for (const header of Object.entries(headers)) raw.setHeader(...header);
}

function abortedOnClose(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  // It may have left while its body was unpacked, and then no event follows.
  if (reply.raw.destroyed) controller.abort();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
