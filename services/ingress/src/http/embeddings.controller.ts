import { Controller, HttpCode, Inject, Post, Req, Res } from "@nestjs/common";
import type { FastifyReply, FastifyRequest } from "fastify";
import { embeddingListOf } from "./answers/embedding-list.ts";
import { parseEmbeddingsBody } from "../request/embeddings-body.ts";
import { RequestHandler } from "./request-handler.ts";

/** `POST /v1/embeddings`: the same way as a chat, always told whole. */
@Controller("v1/embeddings")
export class EmbeddingsController {
  constructor(@Inject(RequestHandler) private readonly desk: RequestHandler) {}

  @Post()
  @HttpCode(200)
  async embed(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.desk.serve(request, reply, parseEmbeddingsBody, (serving) =>
      this.desk.tellWhole(serving, reply, (outcome) =>
        embeddingListOf(outcome, serving.body.encoding),
      ),
    );
  }
}
