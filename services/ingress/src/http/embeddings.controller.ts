import { Controller, HttpCode, Post, Res } from "@nestjs/common";
import type { ApiKey } from "@sluice/declarations";
import type { FastifyReply } from "fastify";
import type { EmbeddingsBody } from "../request/embeddings-body.ts";
import { jsonHeadersOf } from "./answers/completion.ts";
import { base64ListOf, embeddingBytesOf, numberListParts } from "./answers/embedding-list.ts";
import { memoryFull } from "./api-error.ts";
import { AuthenticatedKey } from "./authenticated-key.ts";
import { type Exchange, RequestHandler } from "./request-handler.ts";
import { EmbeddingsPipe, ParsedBy, type ParsedRequest } from "./request.pipe.ts";

/** `POST /v1/embeddings`: is handled like a chat, and always answered with one body. */
@Controller("v1/embeddings")
export class EmbeddingsController {
  constructor(private readonly handler: RequestHandler) {}

  @Post()
  @HttpCode(200)
  async embed(
    @AuthenticatedKey() key: ApiKey,
    @ParsedBy(EmbeddingsPipe) request: ParsedRequest<EmbeddingsBody>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.handler.handle({ ...request, key }, reply, (exchange) =>
      exchange.body.encoding === "base64"
        ? this.handler.sendWhole(exchange, base64ListOf)
        : this.sendNumbers(exchange),
    );
  }

  /** Prints the answer in parts while the client reads it, because numbers need five times the bytes. */
  private async sendNumbers(exchange: Exchange<EmbeddingsBody>): Promise<void> {
    const outcome = await this.handler.completedOf(exchange);
    if (!outcome) return;
    const { reply, reading } = exchange;
    if (!reading.reserve(embeddingBytesOf(outcome))) throw memoryFull();
    reply.hijack();
    try {
      reply.raw.writeHead(200, jsonHeadersOf(outcome));
      await reading.writeParts(numberListParts(outcome));
    } catch (error) {
      // The status is sent, so only a closed connection shows the client that the body is not whole.
      reply.raw.destroy();
      throw error;
    }
  }
}
