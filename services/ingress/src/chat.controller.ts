import { Controller, HttpCode, Inject, Post, Req, Res } from "@nestjs/common";
import { Clock } from "@sluice/domain";
import { traceInOrNew } from "@sluice/stage";
import { type Logger, LOGGER } from "@sluice/telemetry";
import type { FastifyReply, FastifyRequest } from "fastify";
import { AnswerWait, type Running } from "./answer-wait.ts";
import { ApiError, errorOfRefusal, unavailable } from "./api-error.ts";
import { Authentication } from "./authentication.ts";
import { type ChatBody, parseChatBody } from "./chat-body.ts";
import { Chat, type Opened, refuse } from "./chat.ts";
import {
  chunksOf,
  type CompletedOutcome,
  completionOf,
  headersOf,
  identityOf,
  isCompleted,
  usageChunkOf,
  wholeAsPayload,
} from "./completion.ts";
import { EventStream } from "./event-stream.ts";
import { IngressMetrics } from "./metrics.ts";
import { parseHeaders } from "./request-headers.ts";
import { WaitingRoom } from "./waiting-room.ts";

/** `POST /v1/chat/completions`: authenticate, parse, open, and tell the answer as it was asked for. */
@Controller("v1/chat")
export class ChatController {
  constructor(
    @Inject(Authentication) private readonly authentication: Authentication,
    @Inject(Chat) private readonly chat: Chat,
    @Inject(AnswerWait) private readonly answers: AnswerWait,
    @Inject(WaitingRoom) private readonly room: WaitingRoom,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(IngressMetrics) private readonly metrics: IngressMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Post("completions")
  @HttpCode(200)
  async complete(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const key = this.authentication.keyOf(request.headers.authorization);
    const headers = parseHeaders(request.headers, this.clock.now());
    const body = parseChatBody(request.body);
    const trace = traceInOrNew(request.headers);
    const leave = this.room.enter();
    if (!leave) {
      this.metrics.decisions.inc({ decision: "shed", reason: "overloaded" });
      throw unavailable("overloaded", "Too many requests wait for an answer; try again.");
    }
    const gone = abortedOnClose(reply);
    try {
      const opened = await this.chat.open({ key, headers, body, trace });
      if (body.stream) await this.stream(opened, body, gone, reply);
      else await this.whole(opened, gone, reply);
      await this.afterAnswer(opened);
      const isLost = gone.aborted && body.stream && headers.idempotencyKey === null;
      if (isLost && opened.kind === "running") await this.cancel(opened);
    } finally {
      leave();
    }
  }

  private async whole(opened: Opened, gone: AbortSignal, reply: FastifyReply): Promise<void> {
    const outcome =
      opened.kind === "answered" ? opened.outcome : await this.answers.outcomeOf(opened, gone);
    if (!outcome) return;
    if (!isCompleted(outcome)) return refuse(outcome);
    await reply
      .headers(headersOf(outcome.requestId, outcome.completed))
      .send(completionOf(outcome));
  }

  private async stream(
    opened: Opened,
    body: ChatBody,
    gone: AbortSignal,
    reply: FastifyReply,
  ): Promise<void> {
    const stream = new EventStream(reply.raw);
    try {
      const outcome = await this.tellTokens(opened, body, gone, stream);
      if (!outcome) return;
      if (!isCompleted(outcome)) return refuse(outcome);
      await this.tellEnd(outcome, body, stream);
    } catch (error) {
      if (!stream.begun) throw error;
      await stream.fail(envelopeOf(error));
    } finally {
      // From the first event on the response is ours, not Fastify's.
      if (stream.begun) reply.hijack();
    }
  }

  /** Tokens as they come; the outcome when it is there, undefined when the caller has left. */
  private async tellTokens(
    opened: Opened,
    body: ChatBody,
    gone: AbortSignal,
    stream: EventStream,
  ): Promise<Extract<Opened, { kind: "answered" }>["outcome"] | undefined> {
    if (opened.kind === "answered") return opened.outcome;
    const { ref, admittedAt } = opened;
    const identity = identityOf({ requestId: ref.requestId, admittedAt });
    for await (const heard of this.answers.listen(opened, gone)) {
      if (heard.kind === "end") return heard.outcome;
      stream.begin(headersOf(ref.requestId, heard.payload));
      await stream.send(chunksOf(identity, heard.payload, body.includeUsage));
    }
    return undefined;
  }

  private async tellEnd(
    outcome: CompletedOutcome,
    body: ChatBody,
    stream: EventStream,
  ): Promise<void> {
    if (!stream.begun) {
      stream.begin(headersOf(outcome.requestId, outcome.completed));
      const payload = wholeAsPayload(outcome);
      await stream.send(chunksOf(identityOf(outcome), payload, body.includeUsage));
    }
    if (body.includeUsage) await stream.send([usageChunkOf(outcome)]);
    await stream.end();
  }

  private async afterAnswer(opened: Opened): Promise<void> {
    if (opened.kind === "running") return;
    await opened.afterwards().catch((error: unknown) => {
      this.logger.warn({ error, requestId: opened.outcome.requestId }, "a saving was not counted");
    });
  }

  private async cancel(running: Running): Promise<void> {
    await this.answers.cancel(running).catch((error: unknown) => {
      this.logger.warn({ error, requestId: running.ref.requestId }, "a call was not cancelled");
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

function envelopeOf(error: unknown): object {
  if (error instanceof ApiError) return error.envelope();
  return errorOfRefusal({ code: "internal_error", reason: "The answer broke off." }).envelope();
}
