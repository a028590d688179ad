import { Inject, Injectable } from "@nestjs/common";
import { Clock } from "@sluice/domain";
import { traceInOrNew } from "@sluice/stage";
import { type Logger, LOGGER } from "@sluice/telemetry";
import type { FastifyReply, FastifyRequest } from "fastify";
import { AnswerWait } from "./answers/answer-wait.ts";
import { unavailable } from "./api-error.ts";
import type { AskedBody } from "../request/request-body.ts";
import { Authentication } from "./api-key.guard.ts";
import { Chat, type Opened, refuse } from "./http-admission.ts";
import { type CompletedOutcome, headersOf, isCompleted } from "./answers/completion.ts";
import { IngressMetrics } from "../metrics.ts";
import { parseHeaders, type RequestHeaders } from "../request/request-headers.ts";
import { ConcurrencyLimit } from "./concurrency-limit.ts";

/** A request that is let in, and what is to be told of it. */
export interface Serving<B extends AskedBody> {
  readonly opened: Opened;
  readonly body: B;
  readonly headers: RequestHeaders;
  /** Aborts when the caller leaves before the answer was sent. */
  readonly gone: AbortSignal;
}

/** What every path does around its own answer: authenticate, parse, open, and publish what is left. */
@Injectable()
export class RequestHandler {
  constructor(
    @Inject(Authentication) private readonly authentication: Authentication,
    @Inject(Chat) private readonly chat: Chat,
    @Inject(AnswerWait) private readonly answers: AnswerWait,
    @Inject(ConcurrencyLimit) private readonly room: ConcurrencyLimit,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(IngressMetrics) private readonly metrics: IngressMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** @throws ApiError for what is refused, here or by `tell` */
  async serve<B extends AskedBody>(
    request: FastifyRequest,
    reply: FastifyReply,
    parse: (body: unknown) => B,
    tell: (serving: Serving<B>) => Promise<void>,
  ): Promise<void> {
    const key = this.authentication.keyOf(request.headers.authorization);
    const headers = parseHeaders(request.headers, this.clock.now());
    const body = parse(request.body);
    const trace = traceInOrNew(request.headers);
    const leave = this.room.enter();
    if (!leave) {
      this.metrics.decisions.inc({ decision: "shed", reason: "overloaded" });
      throw unavailable("overloaded", "Too many requests wait for an answer; try again.");
    }
    const gone = abortedOnClose(reply);
    try {
      const opened = await this.chat.open({ key, headers, body, trace });
      await tell({ opened, body, headers, gone });
      await this.afterAnswer(opened);
    } finally {
      leave();
    }
  }

  /** An answer in one piece, with its headers. @throws ApiError where the outcome is none */
  async tellWhole(
    { opened, gone }: Serving<AskedBody>,
    reply: FastifyReply,
    answerOf: (outcome: CompletedOutcome) => object,
  ): Promise<void> {
    const outcome =
      opened.kind === "answered" ? opened.outcome : await this.answers.outcomeOf(opened, gone);
    if (!outcome) return;
    if (!isCompleted(outcome)) return refuse(outcome);
    await reply.headers(headersOf(outcome.requestId, outcome.completed)).send(answerOf(outcome));
  }

  private async afterAnswer(opened: Opened): Promise<void> {
    if (opened.kind === "running") return;
    await opened.afterwards().catch((error: unknown) => {
      this.logger.warn({ error, requestId: opened.outcome.requestId }, "a saving was not counted");
    });
  }
}

/** Aborts when the connection closes before the answer was sent. */
function abortedOnClose(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
