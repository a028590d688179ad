import { createHash, timingSafeEqual } from "node:crypto";
import {
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
  UnauthorizedException,
} from "@nestjs/common";
import type { FastifyReply, FastifyRequest } from "fastify";

export interface CostsOptions {
  /** The bearer token that every request needs; undefined on a port that only this machine reaches. */
  readonly token: string | undefined;
}

/** Injection token. Nest does not start the application without a value for it. */
export const COSTS_OPTIONS = Symbol("CostsOptions");

/** Requires the bearer token of the operator, if one is declared. */
@Injectable()
export class CostsTokenGuard implements CanActivate {
  readonly #digest: Buffer | undefined;

  constructor(@Inject(COSTS_OPTIONS) { token }: CostsOptions) {
    this.#digest = token === undefined ? undefined : digestOf(token);
  }

  /** @throws UnauthorizedException if the request has no token, or another one */
  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const { authorization = "" } = http.getRequest<FastifyRequest>().headers;
    const [, given] = /^Bearer (\S+)$/i.exec(authorization) ?? [];
    // Digests have the same length, so that the time of the comparison does not depend on the token.
    if (this.#digest === undefined || timingSafeEqual(digestOf(given ?? ""), this.#digest))
      return true;
    void http.getResponse<FastifyReply>().header("www-authenticate", 'Bearer realm="costs"');
    throw new UnauthorizedException(
      given === undefined
        ? "The costs need a token. Send SLUICE_COSTS_TOKEN as Authorization: Bearer <token>."
        : "The token is not the SLUICE_COSTS_TOKEN of this cost-accountant.",
    );
  }
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
