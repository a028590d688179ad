import { Injectable } from "@nestjs/common";
import type { InferenceAdmitted } from "@sluice/contracts";
import { Declarations } from "@sluice/declarations";
import { Clock } from "@sluice/domain";
import { ExactCache, type Found, lookUp, lookupOf } from "@sluice/response-cache";
import { IngressMetrics } from "../metrics.ts";

/** Looks up one HTTP request in the response cache, so that a hit costs no message on Kafka. */
@Injectable()
export class HitFinder {
  constructor(
    private readonly cache: ExactCache,
    private readonly declarations: Declarations,
    private readonly clock: Clock,
    private readonly metrics: IngressMetrics,
  ) {}

  /** Returns a miss if the cache is unavailable: an outage of the cache costs hits, never requests. */
  async find({ attribution, request }: InferenceAdmitted): Promise<Found> {
    const { tenant } = attribution;
    const lookup = lookupOf(request, this.declarations.cachePolicyOf(tenant));
    const { namespace, cacheKey, result } = lookup;
    const address = { tenant, namespace, cacheKey };
    const entries =
      result === "miss" ? await this.cache.find([address]).catch(() => undefined) : undefined;
    const [entry] = entries?.values() ?? [];
    const factsOf = (variant: string) => this.declarations.variantOf(variant);
    const found = lookUp(request, lookup, entry, factsOf, this.clock.now());
    this.metrics.lookups.inc({ kind: found.kind === "miss" ? lookup.result : found.kind });
    return found;
  }
}
