import {
  BadRequestException,
  Controller,
  createParamDecorator,
  type ExecutionContext,
  Get,
  Header,
  Injectable,
  type PipeTransform,
  UseFilters,
  UseGuards,
} from "@nestjs/common";
import type { FastifyRequest } from "fastify";
import { Ledger, type CostsQuery } from "../../ledger/ledger.ts";
import { costsAnswerOf, parseCostsQuery } from "../costs-query.ts";
import { CostsErrorFilter } from "./costs-error.filter.ts";
import { CostsTokenGuard } from "./costs-token.guard.ts";
import { jsonBody } from "./json-body.ts";

/** Gives the query as it was sent: Fastify's own parser turns a repeated parameter into a list. */
const SearchParams = createParamDecorator(
  (_data: unknown, context: ExecutionContext) =>
    new URL(context.switchToHttp().getRequest<FastifyRequest>().url, "http://admin").searchParams,
);

@Injectable()
export class CostsQueryPipe implements PipeTransform<URLSearchParams, CostsQuery> {
  /** @throws BadRequestException that names the parameter which is unknown or malformed */
  transform(given: URLSearchParams): CostsQuery {
    const parsed = parseCostsQuery(given);
    if (parsed.kind === "invalid") throw new BadRequestException(parsed.error);
    return parsed.query;
  }
}

/** Answers with sums of the hourly rollups. */
@Controller("costs")
@UseFilters(CostsErrorFilter)
@UseGuards(CostsTokenGuard)
export class CostsController {
  constructor(private readonly ledger: Ledger) {}

  @Get()
  @Header("content-type", "application/json")
  async costs(@SearchParams(CostsQueryPipe) query: CostsQuery): Promise<Buffer> {
    return jsonBody(costsAnswerOf(query, await this.ledger.costs(query)));
  }
}
