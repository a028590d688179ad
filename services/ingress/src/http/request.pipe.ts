import {
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  type PipeTransform,
} from "@nestjs/common";
import { type AdditionalMembers, Declarations } from "@sluice/declarations";
import { Clock } from "@sluice/domain";
import { traceInOrNew } from "@sluice/stage";
import type { FastifyRequest } from "fastify";
import { type ChatBody, parseChatBody } from "../request/chat-body.ts";
import { type EmbeddingsBody, parseEmbeddingsBody } from "../request/embeddings-body.ts";
import type { Parsed } from "../request/refusal.ts";
import type { RequestBody } from "../request/request-body.ts";
import { parseHeaders } from "../request/request-headers.ts";
import { errorOfRefusal } from "./api-error.ts";
import type { HttpRequest } from "./http-admission.ts";

/** A request as its pipe returns it; the key was authenticated before the body was read. */
export type ParsedRequest<B extends RequestBody> = Omit<HttpRequest<B>, "key">;

/**
 * Injects the request into a pipe that parses headers and body together. Nest runs the pipes of
 * several parameters in an order of its own, and a wrong header must be reported before a wrong body.
 */
export const ParsedBy = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  context.switchToHttp().getRequest<FastifyRequest>(),
);

@Injectable()
abstract class RequestPipe<B extends RequestBody> implements PipeTransform<
  FastifyRequest,
  ParsedRequest<B>
> {
  protected abstract parse(body: unknown, allowed: AdditionalMembers): Parsed<B>;

  constructor(
    private readonly clock: Clock,
    private readonly declarations: Declarations,
  ) {}

  /** @throws ApiError that names the header or the member that is wrong */
  transform({ headers, body }: FastifyRequest): ParsedRequest<B> {
    return {
      headers: valueOf(parseHeaders(headers, this.clock.now())),
      body: valueOf(this.parse(body, this.declarations.additionalMembers())),
      trace: traceInOrNew(headers),
    };
  }
}

@Injectable()
export class ChatPipe extends RequestPipe<ChatBody> {
  protected override parse(body: unknown, allowed: AdditionalMembers): Parsed<ChatBody> {
    return parseChatBody(body, allowed);
  }
}

@Injectable()
export class EmbeddingsPipe extends RequestPipe<EmbeddingsBody> {
  protected override parse(body: unknown, allowed: AdditionalMembers): Parsed<EmbeddingsBody> {
    return parseEmbeddingsBody(body, allowed);
  }
}

function valueOf<T>(result: Parsed<T>): T {
  if (result.kind === "refused") throw errorOfRefusal(result);
  return result.value;
}
