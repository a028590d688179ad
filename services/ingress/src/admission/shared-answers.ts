import { Injectable, type OnModuleDestroy } from "@nestjs/common";
import type { InferenceAdmitted, InferenceResponded } from "@sluice/contracts";
import { Clock, type EpochMillis } from "@sluice/domain";
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
const unadmittedMsMax = 5_000;
/**
 * The first round of following, in milliseconds. It is short, because a request that is not yet admitted
 * notifies only its own process.
 */
const firstRoundMs = 250;
/** The longest flight, in milliseconds. A request that runs for longer is no longer followed. */
const flightMsMax = 10 * 60_000;
/** The most leaders that this process knows. Beyond it, it forgets the oldest, and may pay twice. */
const leadersKnownMax = 10_000;
/** How long waiting clients may still receive their answer after the process began to stop. */
const drainMs = 4_000;
/** How many leaders a request follows: a second one if the first disappeared before it was admitted. */
const leadersMax = 2;

/**
 * Lets identical requests of a tenant share one provider call: the first one leads, and those that
 * arrive before its answer wait for it and are answered by it, as by the cache. This holds in this
 * process, and across processes as long as the cache's Redis answers.
 */
@Injectable()
export class SharedAnswers implements OnModuleDestroy {
  /** The leaders that this process knows, by address. If Redis is late, they still lead. */
  private readonly leaders = new Map<string, KnownLeader>();
  /** Until when each leader that this process has admitted ends, by its id, whatever Redis knows of it. */
  private readonly admittedUntil = new Map<string, EpochMillis>();
  /** The leaders that requests of this process wait for, by {@link waitKeyOf}. Each is followed once for all. */
  private readonly waits = new Map<string, Wait>();
  private readonly stopping = new AbortController();

  constructor(
    private readonly flights: Flights,
    private readonly cache: ExactCache,
    private readonly replies: Replies,
    private readonly clock: Clock,
  ) {}

  /** Ends all waits, as those for an own answer end, because the server closes only when no request waits. */
  onModuleDestroy(): void {
    setTimeout(() => this.stopping.abort(), drainMs).unref();
  }

  get isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  /**
   * Waits for the answer that an identical request brings, at most for half of the time that this one has left:
   * the rest is for a call of its own. Returns undefined if there is none: this request leads, it may not share
   * an answer, or the leader brought none that can be shared. Never throws.
   */
  async follow(
    admitted: InferenceAdmitted,
    clientGone: AbortSignal,
  ): Promise<CacheEntry | undefined> {
    const address = addressOf(admitted);
    if (!address) return undefined;
    const { requestId } = admitted.request;
    const leftMs = Math.max(admitted.deadlineAt - this.clock.now(), 0);
    const late = AbortSignal.timeout(Math.floor(leftMs / 2));
    const impatient = AbortSignal.any([clientGone, late, this.stopping.signal]);
    for (let leaders = 0; leaders < leadersMax && !impatient.aborted; leaders += 1) {
      const leader = await this.leaderOf(address, requestId);
      if (leader === requestId) return undefined;
      const outcome = await orAborted(this.outcomeOf(address, leader), impatient);
      const entry = outcome ? fillOf(outcome)?.entry : undefined;
      // A leader that ended before this request came led without followers, who would have noticed. Its failure
      // is not that of this request, and the next leader serves all that come now.
      const isPast = outcome && !entry && outcome.completedAt < admitted.admittedAt;
      if (outcome && !isPast) return entry;
    }
    return undefined;
  }

  /** Notes that the request is admitted, so that it will end. */
  noteAdmitted(admitted: InferenceAdmitted): void {
    const address = addressOf(admitted);
    const leftMs = Math.min(admitted.deadlineAt - this.clock.now(), flightMsMax);
    if (!address || leftMs <= 0) return;
    const { requestId } = admitted.request;
    bounded(this.admittedUntil.set(requestId, this.clock.now() + leftMs));
    // Its followers are counted as its readers from now on, so that it is not cancelled without them.
    this.waits.get(waitKeyOf(address, requestId))?.readAgain();
    void this.flights.extend(address, requestId, leftMs).catch(nothing);
  }

  /** Lets another request lead, if this one leads, because it was not admitted. */
  abandon(admitted: InferenceAdmitted): void {
    const address = addressOf(admitted);
    if (!address) return;
    const { requestId } = admitted.request;
    // A concurrent repeat has the same id, and may have been admitted.
    if (this.admittedUntil.has(requestId)) return;
    this.end(address, requestId);
    this.waits.get(waitKeyOf(address, requestId))?.giveUp();
  }

  /** Returns the leader, which is the request itself if there is no other. */
  private leaderOf(address: CacheAddress, requestId: string): Promise<string> {
    const key = addressKeyOf(address);
    const known = this.leaders.get(key);
    if (known) return known.found;
    const other = this.flights.lead(address, requestId, unadmittedMsMax).catch(() => null);
    const leader: KnownLeader = {
      id: undefined,
      found: other.then((found) => (leader.id = found ?? requestId)),
    };
    bounded(this.leaders.set(key, leader));
    return leader.found;
  }

  /** Returns null if the leader has no outcome: it was never admitted, or its outcome has expired. */
  private outcomeOf(address: CacheAddress, leader: string): Promise<InferenceResponded | null> {
    const key = waitKeyOf(address, leader);
    const running = this.waits.get(key);
    if (running) return running.outcome;
    const wait = new Wait((round) => this.listenTo(address, leader, round));
    this.waits.set(key, wait);
    void wait.outcome.then(() => this.waits.delete(key));
    return wait.outcome;
  }

  private async listenTo(
    address: CacheAddress,
    leader: string,
    nextRound: (ms: number) => AbortSignal | undefined,
  ): Promise<InferenceResponded | null> {
    const outcome = await this.hear(address, leader, nextRound);
    if (outcome) await this.fill(outcome);
    this.end(address, leader);
    return outcome;
  }

  private async hear(
    address: CacheAddress,
    leader: string,
    nextRound: (ms: number) => AbortSignal | undefined,
  ): Promise<InferenceResponded | null> {
    const ref = { tenant: address.tenant, requestId: leader };
    const readerId = newReaderId();
    for (let roundMs = firstRoundMs; ; roundMs = Math.min(2 * roundMs, unadmittedMsMax)) {
      const round = nextRound(roundMs);
      if (!round) return null;
      for await (const event of this.replies.follow(ref, readerId, round)) {
        if (event.kind === "end") return event.outcome;
        if (event.kind === "answer-gone") return null;
      }
      if (!round.aborted) return null;
      if (!(await this.leads(address, leader))) return null;
    }
  }

  /** Whether the leader still leads. If Redis cannot say so, only a leader that was admitted here does. */
  private async leads(address: CacheAddress, leader: string): Promise<boolean> {
    if ((this.admittedUntil.get(leader) ?? 0) > this.clock.now()) return true;
    const current = await this.flights.leaderOf(address).catch(() => null);
    return current === leader;
  }

  /**
   * Stores the answer, so that requests which come after its followers find it everywhere. The stage that fills
   * the cache reads the outcome from Kafka and may do so later.
   */
  private async fill(outcome: InferenceResponded): Promise<void> {
    const fill = fillOf(outcome);
    if (fill) await this.cache.store([fill]).catch(nothing);
  }

  private end(address: CacheAddress, leader: string): void {
    this.admittedUntil.delete(leader);
    const key = addressKeyOf(address);
    // Another request may lead by now.
    if (this.leaders.get(key)?.id === leader) this.leaders.delete(key);
    void this.flights.end(address, leader).catch(nothing);
  }
}

interface KnownLeader {
  /** undefined until it is found. */
  id: string | undefined;
  readonly found: Promise<string>;
}

/** The wait of all followers in this process for one leader. It listens in rounds. */
class Wait {
  readonly outcome: Promise<InferenceResponded | null>;
  private round = new AbortController();
  private isGivenUp = false;

  constructor(
    listen: (
      nextRound: (ms: number) => AbortSignal | undefined,
    ) => Promise<InferenceResponded | null>,
  ) {
    this.outcome = listen((ms) => this.nextRound(ms)).catch(() => null);
  }

  readAgain(): void {
    this.round.abort();
  }

  giveUp(): void {
    this.isGivenUp = true;
    this.round.abort();
  }

  private nextRound(ms: number): AbortSignal | undefined {
    if (this.isGivenUp) return undefined;
    this.round = new AbortController();
    return AbortSignal.any([this.round.signal, AbortSignal.timeout(ms)]);
  }
}

function waitKeyOf(address: CacheAddress, leader: string): string {
  return `${addressKeyOf(address)} ${leader}`;
}

/** Forgets the oldest if there are too many. */
function bounded(known: Map<string, unknown>): void {
  if (known.size <= leadersKnownMax) return;
  const [oldest] = known.keys();
  if (oldest !== undefined) known.delete(oldest);
}

/** Returns undefined if the request may not share an answer: it bypasses the cache, or may not fill it. */
function addressOf({ attribution, lookup, request }: InferenceAdmitted): CacheAddress | undefined {
  if (lookup?.result !== "miss" || !lookup.fills) return undefined;
  // Its answer is often a call of a tool, which cannot be shared.
  if (request.parameters.includes('"tools"')) return undefined;
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
