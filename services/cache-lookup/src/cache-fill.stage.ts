import { Inject, Injectable } from "@nestjs/common";
import { type InferenceResponded, topics } from "@sluice/contracts";
import { ExactCache, fillOf } from "@sluice/response-cache";
import { type Delivery, type Effect, gathering, skip, SliceStage } from "@sluice/stage";
import { Stage } from "@sluice/stage/nest";
import { type Logger, LOGGER } from "@sluice/telemetry";
import { LookupMetrics } from "./metrics.ts";

/**
 * Stores the answers of providers in the cache. If the cache is unavailable the answers are not stored,
 * which costs later hits and never a request, so the stage does not wait for it.
 */
@Injectable()
@Stage({ on: topics.inferenceResponded, group: "cache-lookup.fill", settings: gathering })
export class CacheFillStage extends SliceStage<InferenceResponded> {
  constructor(
    private readonly cache: ExactCache,
    private readonly metrics: LookupMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super();
  }

  override async process(
    slice: readonly Delivery<InferenceResponded>[],
  ): Promise<readonly Effect[]> {
    const fills = slice.map(({ record }) => fillOf(record));
    const storable = fills.filter((fill) => fill !== null);
    try {
      if (storable.length > 0) await this.cache.store(storable);
      this.metrics.fills.inc(storable.length);
    } catch (error) {
      const message = "the cache is unavailable: answers are not stored";
      this.logger.warn({ error, stage: "cache-lookup.fill" }, message);
    }
    return fills.map((fill) => skip(fill ? "stored in the cache" : "the outcome is not cacheable"));
  }
}
