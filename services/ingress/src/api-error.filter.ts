import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from "@nestjs/common";
import type { Logger } from "@sluice/telemetry";
import type { FastifyReply } from "fastify";
import { ApiError, type ApiErrorCode } from "./api-error.ts";
import type { IngressMetrics } from "./metrics.ts";

/** Everything that a handler throws leaves in OpenAI's envelope; what we did not foresee says nothing of itself. */
@Catch()
export class ApiErrorFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    private readonly metrics: IngressMetrics,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const error = apiErrorOf(thrown);
    if (error.status === 500) this.logger.error({ error: thrown }, "a request met a defect");
    this.metrics.decisions.inc({ decision: "refuse", reason: error.code });
    if (reply.raw.headersSent || reply.raw.destroyed) return;
    void reply.status(error.status).headers(error.headers).send(error.envelope());
  }
}

/** Fastify's own refusals, by its codes. */
const refusals: Readonly<Record<string, readonly [number, ApiErrorCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [413, "body_too_large", "The body exceeds 768 KiB; shorten it."],
  FST_ERR_CTP_EMPTY_JSON_BODY: [400, "invalid_json", "The body is empty; send a JSON object."],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    400,
    "invalid_json",
    "The body is not as long as its content-length says.",
  ],
  FST_ERR_CTP_INVALID_JSON_BODY: [400, "invalid_json", "The body is not valid JSON."],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    415,
    "unsupported_media_type",
    "Send the body as application/json.",
  ],
};

function apiErrorOf(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  const refusal = refusals[codeOf(thrown)];
  if (refusal) return new ApiError(...refusal);
  if (thrown instanceof SyntaxError)
    return new ApiError(...refusals["FST_ERR_CTP_INVALID_JSON_BODY"]!);
  if (thrown instanceof HttpException && thrown.getStatus() === 404)
    return new ApiError(
      404,
      "not_found",
      "There is no such path; see docs/reference for those that are.",
    );
  return new ApiError(500, "internal_error", "The request met a defect of ours; it was logged.");
}

function codeOf(thrown: unknown): string {
  return typeof thrown === "object" && thrown !== null && "code" in thrown
    ? String(thrown.code)
    : "";
}
