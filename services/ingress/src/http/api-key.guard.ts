import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
} from "@nestjs/common";
import type { ApiKey } from "@sluice/declarations";
import type { FastifyRequest } from "fastify";
import { ApiKeys } from "../admission/api-keys.ts";
import { ApiError } from "./api-error.ts";

interface AuthenticatedRequest extends FastifyRequest {
  apiKey: ApiKey;
}

/** Authenticates every HTTP request by its API key, before its headers and members are checked. */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  constructor(private readonly keys: ApiKeys) {}

  /** @throws ApiError `invalid_api_key`, which does not say what is wrong with the key */
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const key = this.keys.authenticate(request.headers.authorization);
    if (!key) {
      const message =
        "The API key is missing, unknown or revoked; send 'Authorization: Bearer sk-sluice-…'.";
      throw ApiError.of("invalid_api_key", message);
    }
    request.apiKey = key;
    return true;
  }
}

/** Injects the key with which the request was authenticated. */
export const AuthenticatedKey = createParamDecorator(
  (_data: unknown, context: ExecutionContext): ApiKey =>
    context.switchToHttp().getRequest<AuthenticatedRequest>().apiKey,
);
