import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Inject,
  NotFoundException,
} from "@nestjs/common";
import { type Logger, LOGGER } from "@sluice/telemetry";
import type { FastifyReply, FastifyRequest } from "fastify";
import { IngressMetrics } from "../metrics.ts";
import { ApiError, bodyTooLarge, internalError, pathNotFound } from "./api-error.ts";
import { refuse } from "./connection/refused-body.ts";

/** Sends every exception in OpenAI's envelope. An exception that is not ours shows no detail to the client. */
@Catch()
export class ApiErrorFilter implements ExceptionFilter {
  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly metrics: IngressMetrics,
  ) {}

  async catch(thrown: unknown, host: ArgumentsHost): Promise<void> {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const request = http.getRequest<FastifyRequest>();
    const isAborted = request.raw.destroyed && !request.raw.complete;
    if (isAborted) {
      // The server has refused the body itself, because it was not HTTP or did not arrive in time.
      if (reply.raw.headersSent) return;
      // The client left while it sent its body. Anyone can cause this, so it is neither an error nor a log line.
      this.metrics.decisions.inc({ decision: "refuse", reason: "client_closed" });
      return;
    }
    const error = apiErrorOf(thrown, request.routeOptions.bodyLimit);
    if (error.status === 500) this.logger.error({ error: thrown }, "a request met a defect");
    this.metrics.decisions.inc({ decision: "refuse", reason: error.code });
    await refuse(request.raw, reply.hijack().raw, error);
  }
}

/** Returns the error for an exception; Nest reports by status what Fastify refused before a handler ran. */
function apiErrorOf(thrown: unknown, bodyBytesMax: number): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof NotFoundException) return pathNotFound();
  const status = thrown instanceof HttpException ? thrown.getStatus() : 500;
  if (status === 400) return ApiError.of("invalid_json", "The body is not a JSON object.");
  if (status === 413) return bodyTooLarge(bodyBytesMax);
  if (status === 415)
    return ApiError.of("unsupported_media_type", "Send the body as application/json.");
  return internalError();
}
