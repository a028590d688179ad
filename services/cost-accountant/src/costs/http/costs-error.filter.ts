import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from "@nestjs/common";
import type { FastifyReply } from "fastify";
import { jsonBody } from "./json-body.ts";

/** Answers errors in the form that the other paths of the admin port have. */
@Catch()
export class CostsErrorFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const status = error instanceof HttpException ? error.getStatus() : 500;
    const message = error instanceof Error ? error.message : "unknown";
    void host
      .switchToHttp()
      .getResponse<FastifyReply>()
      .status(status)
      .header("content-type", "application/json")
      .send(jsonBody({ error: message }));
  }
}
