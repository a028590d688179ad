import { Controller, HttpCode, Inject, Post, Req, Res } from "@nestjs/common";
import { type Logger, LOGGER } from "@sluice/telemetry";
import type { FastifyReply, FastifyRequest } from "fastify";
import { AnswerWait } from "./answers/answer-wait.ts";
import { ApiError, errorOfRefusal } from "./api-error.ts";
import { type ChatBody, parseChatBody } from "../request/chat-body.ts";
import { type Opened, refuse, type Running } from "./http-admission.ts";
import {
  chunksOf,
  type CompletedOutcome,
  completionOf,
  headersOf,
  identityOf,
  isCompleted,
  usageChunkOf,
  wholeAsPayload,
} from "./answers/completion.ts";
import { EventStream } from "./answers/event-stream.ts";
import { RequestHandler } from "./request-handler.ts";

/** `POST /v1/chat/completions`: authenticate, parse, open, and tell the answer as it was asked for. */
@Controller("v1/chat")
export class ChatController {
  constructor(
    @Inject(RequestHandler) private readonly desk: RequestHandler,
    @Inject(AnswerWait) private readonly answers: AnswerWait,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Post("completions")
  @HttpCode(200)
  async complete(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.desk.serve(request, reply, parseChatBody, async (serving) => {
      const { opened, body, headers, gone } = serving;
      if (!body.stream) return this.desk.tellWhole(serving, reply, completionOf);
      await this.stream(opened, body, gone, reply);
      const isLost = gone.aborted && headers.idempotencyKey === null;
      if (isLost && opened.kind === "running") await this.cancel(opened);
    });
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

  private async cancel(running: Running): Promise<void> {
    await this.answers.cancel(running).catch((error: unknown) => {
      this.logger.warn({ error, requestId: running.ref.requestId }, "a call was not cancelled");
    });
  }
}

function envelopeOf(error: unknown): object {
  if (error instanceof ApiError) return error.envelope();
  return errorOfRefusal({ code: "internal_error", reason: "The answer broke off." }).envelope();
}
