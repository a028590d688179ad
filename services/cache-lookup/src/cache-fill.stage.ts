import { Inject, Injectable } from "@nestjs/common";
import { type InferenceResponded, topics } from "@sluice/contracts";
import { ExactCache, fillOf } from "@sluice/response-cache";
import { type Delivery, type Effect, gathering, skip, SliceStage } from "@sluice/stage";
import { Stage } from "@sluice/stage/nest";
import { type Logger, LOGGER } from "@sluice/telemetry";
import { LookupMetrics } from "./metrics.ts";

/** Puts providers' answers into the cache. A store that is down costs later hits, so it is not waited for. */
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
    const filling = fills.filter((fill) => fill !== null);
    try {
      if (filling.length > 0) await this.cache.store(filling);
      this.metrics.fills.inc(filling.length);
    } catch (error) {
      this.logger.warn({ error, stage: "cache-lookup.fill" }, "the cache is down: nothing stored");
    }
    return fills.map((fill) => skip(fill ? "stored" : "not for the cache"));
  }
}
