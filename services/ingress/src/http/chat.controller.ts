import { Controller, HttpCode, Inject, Post, Res } from "@nestjs/common";
import type { InferenceResponded } from "@sluice/contracts";
import type { ApiKey } from "@sluice/declarations";
import { type Logger, LOGGER } from "@sluice/telemetry";
import type { FastifyReply } from "fastify";
import type { ChatBody } from "../request/chat-body.ts";
import { AnswerWait } from "./answers/answer-wait.ts";
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
import { ApiError } from "./api-error.ts";
import { AuthenticatedKey } from "./authenticated-key.ts";
import type { RunningRequest } from "./http-admission.ts";
import { type Exchange, RequestHandler } from "./request-handler.ts";
import { ChatPipe, ParsedBy, type ParsedRequest } from "./request.pipe.ts";

/** `POST /v1/chat/completions`: answers with one body, or with a stream of server-sent events. */
@Controller("v1/chat")
export class ChatController {
  constructor(
    private readonly handler: RequestHandler,
    private readonly answers: AnswerWait,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Post("completions")
  @HttpCode(200)
  async complete(
    @AuthenticatedKey() key: ApiKey,
    @ParsedBy(ChatPipe) request: ParsedRequest<ChatBody>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.handler.handle({ ...request, key }, reply, async (exchange) => {
      if (!exchange.body.stream) return this.handler.sendWhole(exchange, completionOf);
      await this.stream(exchange);
      await this.cancelIfLost(exchange);
    });
  }

  private async stream(exchange: Exchange<ChatBody>): Promise<void> {
    const { reply, reading } = exchange;
    const stream = new EventStream(reading);
    try {
      const outcome = await this.sendTokens(exchange, stream);
      if (!outcome) return;
      exchange.ends(outcome);
      if (!isCompleted(outcome)) throw ApiError.ofOutcome(outcome);
      await this.sendEnd(outcome, exchange.body, stream);
    } catch (error) {
      if (!stream.begun) throw error;
      await stream.fail(this.shownError(error, exchange).envelope());
    } finally {
      // Once an event is sent, we write the response ourselves and Fastify must not.
      if (stream.begun) reply.hijack();
    }
  }

  /**
   * Sends tokens as they arrive. Returns the outcome, or undefined if the client has gone.
   *
   * @throws ApiError if the stream has lost tokens, so that the client does not take its part for the answer
   */
  private async sendTokens(
    { result, body, clientGone }: Exchange<ChatBody>,
    stream: EventStream,
  ): Promise<InferenceResponded | undefined> {
    if (result.kind === "answered") return result.outcome;
    const { ref, admittedAt } = result;
    const identity = identityOf({ requestId: ref.requestId, admittedAt });
    for await (const event of this.answers.listen(result, clientGone)) {
      if (event.kind === "end") {
        if (event.isComplete || !isCompleted(event.outcome)) return event.outcome;
        this.logger.warn({ requestId: ref.requestId }, "a stream has lost tokens in Redis");
        throw streamBroken();
      }
      stream.begin(headersOf(event.payload));
      await stream.send(chunksOf(identity, event.payload, body.includeUsage));
    }
    return undefined;
  }

  /** Returns the error for a stream that has begun. A client cannot see more of a defect than that it broke off. */
  private shownError(error: unknown, { result }: Exchange<ChatBody>): ApiError {
    if (error instanceof ApiError) return error;
    const { requestId } = result.kind === "running" ? result.ref : result.outcome;
    this.logger.error({ error, requestId }, "a stream met a defect");
    return streamBroken();
  }

  private async sendEnd(
    outcome: CompletedOutcome,
    body: ChatBody,
    stream: EventStream,
  ): Promise<void> {
    if (!stream.begun) {
      stream.begin(headersOf(outcome.completed));
      const payload = wholeAsPayload(outcome);
      await stream.send(chunksOf(identityOf(outcome), payload, body.includeUsage));
    }
    if (body.includeUsage) await stream.send([usageChunkOf(outcome)]);
    await stream.end();
  }

  /** Cancels the call if its last client left the stream and, without an idempotency key, cannot ask for the answer again. */
  private async cancelIfLost({ clientGone, headers, result }: Exchange<ChatBody>): Promise<void> {
    const isLost = clientGone.aborted && headers.idempotencyKey === null;
    if (isLost && result.kind === "running") await this.cancel(result);
  }

  private async cancel(running: RunningRequest): Promise<void> {
    const { requestId } = running.ref;
    await this.answers.cancel(running).catch((error: unknown) => {
      this.logger.warn({ error, requestId }, "the call of a client that left was not cancelled");
    });
  }
}

function streamBroken(): ApiError {
  return ApiError.ofOutcome({
    refused: {
      code: "internal_error",
      reason: "The answer broke off. Send the request again.",
      retryAfterMs: null,
      param: null,
      budget: null,
      resetsAt: null,
    },
  });
}
