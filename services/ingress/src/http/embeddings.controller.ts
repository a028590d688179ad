import { Controller, HttpCode, Post, Res } from "@nestjs/common";
import type { ApiKey } from "@sluice/declarations";
import type { FastifyReply } from "fastify";
import type { EmbeddingsBody } from "../request/embeddings-body.ts";
import { embeddingListOf } from "./answers/embedding-list.ts";
import { AuthenticatedKey } from "./authenticated-key.ts";
import { RequestHandler } from "./request-handler.ts";
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
      this.handler.sendWhole(exchange, (outcome) =>
        embeddingListOf(outcome, exchange.body.encoding),
      ),
    );
  }
}
