import type { InferenceAdmitted, Lookup } from "@sluice/contracts";
import type { Declarations } from "@sluice/declarations";
import type { Clock } from "@sluice/domain";
import { type ExactCache, type Found, lookUp } from "@sluice/response-cache";
import type { IngressMetrics } from "../metrics.ts";

/** Looks one HTTP request up before it costs a topic. */
export class HitFinder {
  constructor(
    private readonly cache: ExactCache,
    private readonly declarations: Declarations,
    private readonly clock: Clock,
    private readonly metrics: IngressMetrics,
  ) {}

  /** A cache that is down costs hits, never requests. */
  async find({ attribution, request }: InferenceAdmitted, lookup: Lookup): Promise<Found> {
    const { namespace, cacheKey, result } = lookup;
    const address = { tenant: attribution.tenant, namespace, cacheKey };
    const entries =
      result === "miss" ? await this.cache.find([address]).catch(() => undefined) : undefined;
    const [entry] = entries?.values() ?? [];
    const factsOf = (variant: string) => this.declarations.variantOf(variant);
    const found = lookUp(request, lookup, entry, factsOf, this.clock.now());
    this.metrics.lookups.inc({ kind: found.kind === "miss" ? lookup.result : found.kind });
    return found;
  }
}
