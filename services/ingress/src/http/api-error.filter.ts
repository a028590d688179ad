import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  NotFoundException,
} from "@nestjs/common";
import type { Logger } from "@sluice/telemetry";
import type { FastifyReply, FastifyRequest } from "fastify";
import { ApiError, type ApiErrorCode, bodyTooLarge, noSuchPath } from "./api-error.ts";
import type { IngressMetrics } from "../metrics.ts";
import { dropRest } from "./refused-body.ts";

/** Everything that a handler throws leaves in OpenAI's envelope; what we did not foresee says nothing of itself. */
@Catch()
export class ApiErrorFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    private readonly metrics: IngressMetrics,
  ) {}

  async catch(thrown: unknown, host: ArgumentsHost): Promise<void> {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const request = http.getRequest<FastifyRequest>();
    const error = apiErrorOf(thrown, request.routeOptions.bodyLimit);
    if (error.status === 500) this.logger.error({ error: thrown }, "a request met a defect");
    this.metrics.decisions.inc({ decision: "refuse", reason: error.code });
    await dropRest(request.raw);
    if (reply.raw.headersSent || reply.raw.destroyed) return;
    void reply.status(error.status).headers(error.headers).send(error.envelope());
  }
}

/** What the server refuses before a handler sees it, as Nest hands it on: by status. */
const refusals: Readonly<Record<number, readonly [ApiErrorCode, string]>> = {
  400: ["invalid_json", "The body is not a JSON object."],
  415: ["unsupported_media_type", "Send the body as application/json."],
};

function apiErrorOf(thrown: unknown, bodyBytesMax: number): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof NotFoundException) return noSuchPath();
  if (thrown instanceof HttpException && thrown.getStatus() === 413)
    return bodyTooLarge(bodyBytesMax);
  const refusal = thrown instanceof HttpException ? refusals[thrown.getStatus()] : undefined;
  if (refusal && thrown instanceof HttpException)
    return new ApiError(thrown.getStatus(), ...refusal);
  return new ApiError(500, "internal_error", "The request met a defect of ours; it was logged.");
}
