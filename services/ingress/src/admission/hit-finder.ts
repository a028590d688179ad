import { Injectable } from "@nestjs/common";
import type { InferenceAdmitted, InferenceRequested, Lookup } from "@sluice/contracts";
import { Declarations } from "@sluice/declarations";
import { Clock } from "@sluice/domain";
import {
  addressKeyOf,
  type CacheAddress,
  type CacheEntry,
  ExactCache,
  type Found,
  lookUp,
  lookupOf,
} from "@sluice/response-cache";
import { IngressMetrics } from "../metrics.ts";

/** Looks up one HTTP request in the response cache, so that a hit costs no message on Kafka. */
@Injectable()
export class HitFinder {
  /** The reads that run, by address. */
  private readonly reads = new Map<string, Promise<CacheEntry | undefined>>();

  constructor(
    private readonly cache: ExactCache,
    private readonly declarations: Declarations,
    private readonly clock: Clock,
    private readonly metrics: IngressMetrics,
    /** How long a read may take before it is late, in milliseconds. */
    private readonly patienceMs: number,
  ) {}

  /** Returns a miss if the cache is unavailable: an outage of the cache costs hits, never requests. */
  async find({ attribution, request }: InferenceAdmitted): Promise<Found> {
    const { tenant } = attribution;
    const lookup = lookupOf(request, this.declarations.cachePolicyOf(tenant));
    const { namespace, cacheKey, result } = lookup;
    const address = { tenant, namespace, cacheKey };
    const entry = result === "miss" ? await this.read(address) : undefined;
    const found = this.judgeBy(request, lookup, entry);
    this.metrics.lookups.inc({ kind: found.kind === "miss" ? lookup.result : found.kind });
    return found;
  }

  /** Decides whether an entry answers a request that was looked up. */
  judge({ request, lookup }: InferenceAdmitted, entry: CacheEntry): Found | undefined {
    return lookup ? this.judgeBy(request, lookup, entry) : undefined;
  }

  private judgeBy(
    request: InferenceRequested,
    lookup: Lookup,
    entry: CacheEntry | undefined,
  ): Found {
    const factsOf = (variant: string) => this.declarations.variantOf(variant);
    return lookUp(request, lookup, entry, factsOf, this.clock.now());
  }

  /** Reads an entry once for all requests that ask for it at the same time. */
  private async read(address: CacheAddress): Promise<CacheEntry | undefined> {
    const key = addressKeyOf(address);
    const running = this.reads.get(key);
    if (running) return running;
    const read = this.readPatiently(address).finally(() => this.reads.delete(key));
    this.reads.set(key, read);
    return read;
  }

  private async readPatiently(address: CacheAddress): Promise<CacheEntry | undefined> {
    const reading = this.cache.find([address]).catch(() => noEntries);
    const entries = (await inTime(reading, this.patienceMs)) ?? noEntries;
    const [entry] = entries.values();
    return entry;
  }
}

const noEntries: ReadonlyMap<string, CacheEntry> = new Map();

/**
 * Waits for a read, and once more if it is late, because a miss costs twenty times the work of a hit and
 * makes all reads later. Returns undefined if it is late again.
 *
 * After each wait, what has arrived meanwhile is read first. When the process is busy, the timer of a wait
 * runs before the answer is read that has been in the socket for long.
 */
async function inTime<T>(reading: Promise<T>, patienceMs: number): Promise<T | undefined> {
  for (let waits = 0; waits < 2; waits += 1) {
    const { promise: late, resolve } = Promise.withResolvers<typeof isLate>();
    const timer = setTimeout(() => setImmediate(resolve, isLate), patienceMs);
    const first = await Promise.race([reading, late]);
    clearTimeout(timer);
    if (first !== isLate) return first;
  }
  return undefined;
}

const isLate = Symbol("late");
