import { Inject, Injectable } from "@nestjs/common";
import { type InferenceAdmitted, type Lookup, topics } from "@sluice/contracts";
import { Declarations } from "@sluice/declarations";
import { Clock } from "@sluice/domain";
import {
  type Claim,
  effectOfClaim,
  notePublished,
  Outcomes,
  respondedMessage,
} from "@sluice/request-state";
import {
  addressKeyOf,
  type CacheAddress,
  type CacheEntry,
  ExactCache,
  type Found,
  hitOutcome,
  lookUp,
  savingOf,
} from "@sluice/response-cache";
import { type Delivery, type Effect, emit, outgoing, SliceStage } from "@sluice/stage";
import { Stage } from "@sluice/stage/nest";
import { type Logger, LOGGER } from "@sluice/telemetry";
import { decisionOf, isToBeFound, lookupFor } from "./look-up.ts";
import { LookupMetrics } from "./metrics.ts";

interface Asked {
  readonly admitted: InferenceAdmitted;
  readonly lookup: Lookup;
}

type Hit = Asked & Extract<Found, { kind: "exact-hit" }>;

/** One round trip per store and slice. A cache that is down costs hits, never requests. */
@Injectable()
@Stage({ on: topics.inferenceAdmitted, group: "cache-lookup" })
export class CacheLookupStage extends SliceStage<InferenceAdmitted> {
  constructor(
    private readonly cache: ExactCache,
    private readonly declarations: Declarations,
    private readonly outcomes: Outcomes,
    private readonly clock: Clock,
    private readonly metrics: LookupMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super();
  }

  override async process(
    slice: readonly Delivery<InferenceAdmitted>[],
  ): Promise<readonly Effect[]> {
    const asked = slice.map(({ record }) => this.ask(record));
    const entries = await this.find(asked);
    const answers = asked.map((each) => this.lookUp(each, entries));
    const claims = await this.claim(answers.filter((each) => each.kind === "exact-hit"));
    return answers.map((each) => this.effectOf(each, claims.get(each)));
  }

  override async settled(
    _slice: readonly Delivery<InferenceAdmitted>[],
    effects: readonly Effect[],
  ): Promise<void> {
    await notePublished(this.outcomes, effects);
  }

  private ask(admitted: InferenceAdmitted): Asked {
    const policy = this.declarations.cachePolicyOf(admitted.attribution.tenant);
    return { admitted, lookup: lookupFor(admitted, policy) };
  }

  private async find(asked: readonly Asked[]): Promise<ReadonlyMap<string, CacheEntry>> {
    const wanted = asked.filter(({ admitted, lookup }) => isToBeFound(admitted, lookup));
    if (wanted.length === 0) return new Map();
    try {
      return await this.cache.find(wanted.map(addressOf));
    } catch (error) {
      this.logger.warn({ error, stage: "cache-lookup" }, "the cache is down: misses");
      return new Map();
    }
  }

  private lookUp(asked: Asked, entries: ReadonlyMap<string, CacheEntry>): Asked & Found {
    const { admitted, lookup } = asked;
    const entry = isToBeFound(admitted, lookup)
      ? entries.get(addressKeyOf(addressOf(asked)))
      : undefined;
    const factsOf = (variant: string) => this.declarations.variantOf(variant);
    return { ...asked, ...lookUp(admitted.request, lookup, entry, factsOf, this.clock.now()) };
  }

  /** All hits of the slice in one call. */
  private async claim(hits: readonly Hit[]): Promise<ReadonlyMap<Asked, Claim>> {
    if (hits.length === 0) return new Map();
    const now = this.clock.now();
    const claims = await this.outcomes.claim(
      hits.map(({ admitted, lookup, entry }) =>
        hitOutcome(admitted, lookup, entry, "cache-lookup", now),
      ),
      "hit",
    );
    return new Map(hits.map((hit, index) => [hit, claims[index]!]));
  }

  private effectOf(answered: Asked & Found, claim: Claim | undefined): Effect {
    const { admitted, kind, lookup } = answered;
    // A hit that comes after an attempt was claimed stays a miss: the attempt will end the request.
    if (kind === "miss" || !claim || claim.kind === "attempt-held")
      return this.pass(admitted, lookup);
    this.metrics.lookups.inc({ kind });
    if (claim.kind !== "won") return effectOfClaim(claim);
    const saving = savingOf(admitted, claim.outcome);
    return emit(respondedMessage(claim.outcome), outgoing(topics.costMetered, saving));
  }

  private pass(admitted: InferenceAdmitted, found: Lookup): Effect {
    const lookup: Lookup = found.result === "exact" ? { ...found, result: "miss" } : found;
    this.metrics.lookups.inc({ kind: lookup.result });
    const decisions = [...admitted.decisions, decisionOf(lookup)];
    return emit(outgoing(topics.inferenceMissed, { admitted, lookup, decisions }));
  }
}

function addressOf({ admitted, lookup }: Asked): CacheAddress {
  const { namespace, cacheKey } = lookup;
  return { tenant: admitted.attribution.tenant, namespace, cacheKey };
}
