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
import { decisionOf, lookupFor, needsEntry } from "./look-up.ts";
import { LookupMetrics } from "./metrics.ts";

/** A request and its lookup, which ingress has made or which this stage makes now. */
interface LookupRequest {
  readonly admitted: InferenceAdmitted;
  readonly lookup: Lookup;
}

type Answered = LookupRequest & Found;
type Hit = LookupRequest & Extract<Found, { kind: "exact-hit" }>;

/**
 * Ends a request with the stored answer to an equal request, or forwards it as a miss. It makes one
 * round trip per store and slice. If the cache is unavailable, every request is a miss.
 */
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
    const requests = slice.map(({ record }) => this.requestOf(record));
    const entries = await this.findEntries(requests);
    const answers = requests.map((request) => this.answerOf(request, entries));
    const claims = await this.claimHits(answers.filter((answer) => answer.kind === "exact-hit"));
    return answers.map((answer) => this.effectOf(answer, claims.get(answer)));
  }

  override async settled(
    _slice: readonly Delivery<InferenceAdmitted>[],
    effects: readonly Effect[],
  ): Promise<void> {
    await notePublished(this.outcomes, effects);
  }

  private requestOf(admitted: InferenceAdmitted): LookupRequest {
    const policy = this.declarations.cachePolicyOf(admitted.attribution.tenant);
    return { admitted, lookup: lookupFor(admitted, policy) };
  }

  private async findEntries(
    requests: readonly LookupRequest[],
  ): Promise<ReadonlyMap<string, CacheEntry>> {
    const open = requests.filter(({ admitted, lookup }) => needsEntry(admitted, lookup));
    if (open.length === 0) return new Map();
    try {
      return await this.cache.find(open.map(addressOf));
    } catch (error) {
      const message = "the cache is unavailable: every request is a miss";
      this.logger.warn({ error, stage: "cache-lookup" }, message);
      return new Map();
    }
  }

  private answerOf(request: LookupRequest, entries: ReadonlyMap<string, CacheEntry>): Answered {
    const { admitted, lookup } = request;
    const entry = needsEntry(admitted, lookup)
      ? entries.get(addressKeyOf(addressOf(request)))
      : undefined;
    const factsOf = (variant: string) => this.declarations.variantOf(variant);
    return { ...request, ...lookUp(admitted.request, lookup, entry, factsOf, this.clock.now()) };
  }

  /** Claims the outcomes of all hits of the slice in one call. */
  private async claimHits(hits: readonly Hit[]): Promise<ReadonlyMap<LookupRequest, Claim>> {
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

  private effectOf(answered: Answered, claim: Claim | undefined): Effect {
    const { admitted, kind, lookup } = answered;
    // If an attempt was claimed before the hit, the request stays a miss: the attempt will end it.
    if (kind === "miss" || !claim || claim.kind === "attempt-held")
      return this.forwarded(admitted, lookup);
    this.metrics.lookups.inc({ kind });
    if (claim.kind !== "won") return effectOfClaim(claim);
    const saving = savingOf(admitted, claim.outcome);
    return emit(respondedMessage(claim.outcome), outgoing(topics.costMetered, saving));
  }

  private forwarded(admitted: InferenceAdmitted, found: Lookup): Effect {
    const lookup: Lookup = found.result === "exact" ? { ...found, result: "miss" } : found;
    this.metrics.lookups.inc({ kind: lookup.result });
    const decisions = [...admitted.decisions, decisionOf(lookup, this.declarations.version())];
    return emit(outgoing(topics.inferenceMissed, { admitted, lookup, decisions }));
  }
}

function addressOf({ admitted, lookup }: LookupRequest): CacheAddress {
  const { namespace, cacheKey } = lookup;
  return { tenant: admitted.attribution.tenant, namespace, cacheKey };
}
