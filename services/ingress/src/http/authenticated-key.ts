import { createParamDecorator, type ExecutionContext } from "@nestjs/common";
import type { ApiKey } from "@sluice/declarations";
import { unauthenticated } from "./api-error.ts";
import type { IncomingRequest } from "./connection/incoming.ts";

/** Injects the key with which the request was authenticated. */
export const AuthenticatedKey = createParamDecorator(
  (_data: unknown, context: ExecutionContext): ApiKey => {
    const { apiKey } = context.switchToHttp().getRequest<IncomingRequest>();
    if (apiKey === null) throw unauthenticated();
    return apiKey;
  },
);
