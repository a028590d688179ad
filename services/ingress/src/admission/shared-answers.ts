import { Injectable } from "@nestjs/common";
import type { InferenceAdmitted, InferenceResponded } from "@sluice/contracts";
import { Clock } from "@sluice/domain";
import { newReaderId, Replies } from "@sluice/request-state";
import {
  addressKeyOf,
  type CacheAddress,
  type CacheEntry,
  ExactCache,
  fillOf,
  Flights,
} from "@sluice/response-cache";

/** How long a request leads before it is admitted, in milliseconds. Then its process may have stopped. */
const takeOffMs = 5_000;
/**
 * The first round of following, in milliseconds. It is short, because a request that is not yet admitted
 * notifies only its own process.
 */
const firstRoundMs = 250;
/** The longest flight, in milliseconds. A request that runs for longer is no longer followed. */
const flightMsMax = 10 * 60_000;
/** The most leaders that this process knows. Beyond it, it forgets the oldest, and may pay twice. */
const leadersKnownMax = 10_000;
/** How many leaders a request follows: a second one if the first disappeared before it was admitted. */
const leadersMax = 2;

/**
 * Lets identical requests of a tenant share one provider call: the first one leads, and those that
 * arrive before its answer wait for it and are answered by it, as by the cache. This holds in this
 * process, and across processes as long as the cache's Redis answers.
 */
@Injectable()
export class SharedAnswers {
  /** The leaders that this process knows, by address. If Redis is late, they still lead. */
  private readonly leaders = new Map<string, Promise<string>>();
  /** The outcomes that requests of this process wait for, by address. A leader is followed once for all. */
  private readonly waits = new Map<string, Promise<InferenceResponded | null>>();

  constructor(
    private readonly flights: Flights,
    private readonly cache: ExactCache,
    private readonly replies: Replies,
    private readonly clock: Clock,
  ) {}

  /**
   * Waits for the answer that an identical request brings, at most until the deadline of this one.
   * Returns undefined if there is none: this request leads, it may not share an answer, or the leader
   * brought none that can be shared. Never throws.
   */
  async follow(
    admitted: InferenceAdmitted,
    clientGone: AbortSignal,
  ): Promise<CacheEntry | undefined> {
    const address = addressOf(admitted);
    if (!address) return undefined;
    const { requestId } = admitted.request;
    const leftMs = Math.max(admitted.deadlineAt - this.clock.now(), 0);
    const impatient = AbortSignal.any([clientGone, AbortSignal.timeout(leftMs)]);
    for (let leaders = 0; leaders < leadersMax && !impatient.aborted; leaders += 1) {
      const leader = await this.leaderOf(address, requestId);
      if (leader === requestId) return undefined;
      const outcome = await orAborted(this.outcomeOf(address, leader), impatient);
      if (outcome) return fillOf(outcome)?.entry;
    }
    return undefined;
  }

  /** Notes that the request is admitted, so that it will end. */
  tookOff(admitted: InferenceAdmitted): void {
    const address = addressOf(admitted);
    const leftMs = Math.min(admitted.deadlineAt - this.clock.now(), flightMsMax);
    if (!address || leftMs <= 0) return;
    void this.flights.extend(address, admitted.request.requestId, leftMs).catch(nothing);
  }

  /** Lets another request lead, because this one was not admitted. */
  abandon(admitted: InferenceAdmitted): void {
    const address = addressOf(admitted);
    if (address) this.end(address, admitted.request.requestId);
  }

  /** Returns the leader, which is the request itself if there is no other. */
  private leaderOf(address: CacheAddress, requestId: string): Promise<string> {
    const key = addressKeyOf(address);
    const known = this.leaders.get(key);
    if (known) return known;
    const leader = this.flights.lead(address, requestId, takeOffMs).then(
      (other) => other ?? requestId,
      () => requestId,
    );
    this.leaders.set(key, leader);
    const [oldest] = this.leaders.keys();
    if (this.leaders.size > leadersKnownMax && oldest !== undefined) this.leaders.delete(oldest);
    return leader;
  }

  /** Returns null if the leader has no outcome: it was never admitted, or its outcome has expired. */
  private outcomeOf(address: CacheAddress, leader: string): Promise<InferenceResponded | null> {
    const key = addressKeyOf(address);
    const running = this.waits.get(key);
    if (running) return running;
    const wait = this.listenTo(address, leader)
      .catch(() => null)
      .then(async (outcome) => {
        if (outcome) await this.fill(outcome);
        this.waits.delete(key);
        this.end(address, leader);
        return outcome;
      });
    this.waits.set(key, wait);
    return wait;
  }

  /**
   * Stores the answer, so that requests which come after its followers find it everywhere. The stage that fills
   * the cache reads the outcome from Kafka and may do so later.
   */
  private async fill(outcome: InferenceResponded): Promise<void> {
    const fill = fillOf(outcome);
    if (fill) await this.cache.store([fill]).catch(nothing);
  }

  private async listenTo(
    address: CacheAddress,
    leader: string,
  ): Promise<InferenceResponded | null> {
    const ref = { tenant: address.tenant, requestId: leader };
    const readerId = newReaderId();
    for (let roundMs = firstRoundMs; ; roundMs = Math.min(2 * roundMs, takeOffMs)) {
      const round = AbortSignal.timeout(roundMs);
      for await (const event of this.replies.follow(ref, readerId, round)) {
        if (event.kind === "end") return event.outcome;
        if (event.kind === "answer-gone") return null;
      }
      if (!round.aborted) return null;
      // Without Redis it cannot be known, and a leader that is admitted ends.
      const leads = await this.flights.leaderOf(address).catch(() => leader);
      if (leads !== leader) return null;
    }
  }

  private end(address: CacheAddress, leader: string): void {
    this.leaders.delete(addressKeyOf(address));
    void this.flights.end(address, leader).catch(nothing);
  }
}

/** Returns undefined if the request may not share an answer: it bypasses the cache, or may not fill it. */
function addressOf({ attribution, lookup }: InferenceAdmitted): CacheAddress | undefined {
  if (lookup?.result !== "miss" || !lookup.fills) return undefined;
  const { namespace, cacheKey } = lookup;
  return { tenant: attribution.tenant, namespace, cacheKey };
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const stop = () => resolve(undefined);
  signal.addEventListener("abort", stop, { once: true });
  return Promise.race([work, promise]).finally(() => signal.removeEventListener("abort", stop));
}

const nothing = (): void => undefined;
