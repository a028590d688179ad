import { Clock, type NanoUsd, SystemClock, type Window } from "@sluice/domain";
import type {
  Allowance,
  Allowances,
  BoundedCandidate,
  BudgetRebuild,
  Budgets,
  BudgetSnapshot,
  BudgetState,
  Reservation,
  ReservationOption,
  ReservationRequest,
  Settlement,
  Settlements,
  Shortage,
} from "../budgets.ts";
import { rebuilding } from "../faults.ts";
import { endedReservationKeptMs, expiryGraceMs, refusalKeptMs } from "../limits.ts";
import { windowIdOf } from "../window-id.ts";

interface Counter {
  spentNanoUsd: NanoUsd;
  reservedNanoUsd: NanoUsd;
  limitNanoUsd: NanoUsd;
  version: bigint;
}

type Held = {
  readonly state: "open" | "claimed";
  readonly variant: string;
  readonly amountNanoUsd: NanoUsd;
  readonly windowIds: readonly string[];
  /** Positions of the options that were granted. */
  readonly granted: readonly number[];
  readonly expiresAt: number;
};

type Ended = { readonly state: "done"; readonly keptUntil: number };

interface TenantBudgets {
  state: BudgetState;
  token: string;
  epoch: number;
  /** When the last rebuild ended. */
  since: number;
  readonly counters: Map<string, Counter>;
  readonly reservations: Map<string, Held | Ended>;
  readonly settled: Map<number, bigint>;
}

/** What an attempt needs: the amount of one variant in its windows. */
export interface AttemptNeed {
  readonly tenant: string;
  readonly attemptId: string;
  /** The id of the request's first attempt, for which the dispatcher reserved. */
  readonly dispatchedId: string;
  readonly option: ReservationOption<BoundedCandidate>;
}

/** The budgets of all tenants in this process, for tests. It passes the contract of `RedisBudgets`. */
export class InMemoryBudgets implements Budgets, Settlements, BudgetRebuild, Allowances {
  readonly #tenants = new Map<string, TenantBudgets>();
  readonly #clock: Clock;
  readonly #initial: BudgetState;
  #tokens = 0;

  /** @param initial the state of a tenant of which nothing is known yet */
  constructor(clock: Clock = new SystemClock(), initial: BudgetState = { kind: "lost" }) {
    this.#clock = clock;
    this.#initial = initial;
  }

  async reserve<C extends BoundedCandidate>(
    requests: readonly ReservationRequest<C>[],
  ): Promise<readonly Reservation<C>[]> {
    return requests.map((request) => this.#reserve(request));
  }

  async settle(settlements: readonly Settlement[]): Promise<void> {
    for (const settlement of settlements) this.#settle(settlement);
  }

  async expire(tenant: string): Promise<number> {
    const budgets = this.#ready(tenant);
    const now = this.#clock.now();
    const due = [...budgets.reservations].filter(
      ([, held]) => held.state === "open" && held.expiresAt <= now,
    );
    for (const [attemptId] of due) this.releaseOpen(tenant, attemptId);
    return due.length;
  }

  async read(tenant: string, windows: readonly Window[]): Promise<readonly Allowance[]> {
    const budgets = this.#ready(tenant);
    return windows.map((window) => {
      const counter = budgets.counters.get(windowIdOf(tenant, window));
      return {
        limitNanoUsd: window.limitNanoUsd,
        spentNanoUsd: counter?.spentNanoUsd ?? 0n,
        reservedNanoUsd: counter?.reservedNanoUsd ?? 0n,
      };
    });
  }

  async states(tenants: readonly string[]): Promise<readonly BudgetState[]> {
    return tenants.map((tenant) => this.#of(tenant).state);
  }

  async begin(tenant: string): Promise<string> {
    const budgets = this.#of(tenant);
    budgets.state = { kind: "rebuilding", sinceMs: this.#clock.now() };
    this.#tokens += 1;
    budgets.token = String(this.#tokens);
    return budgets.token;
  }

  async lastEpoch(tenant: string): Promise<number> {
    return this.#of(tenant).epoch;
  }

  async restore(
    token: string,
    { tenant, epoch, spent, open, settled }: BudgetSnapshot,
  ): Promise<boolean> {
    const budgets = this.#of(tenant);
    if (budgets.state.kind !== "rebuilding" || budgets.token !== token) return false;
    for (const part of [budgets.counters, budgets.reservations, budgets.settled]) part.clear();
    for (const { window, spentNanoUsd } of spent) {
      const counter = { spentNanoUsd, reservedNanoUsd: 0n, limitNanoUsd: 0n, version: -1n };
      budgets.counters.set(windowIdOf(tenant, window), counter);
    }
    for (const { attemptId, amountNanoUsd, windows } of open) {
      const candidate = { variant: "", worstCaseNanoUsd: amountNanoUsd };
      this.#hold(tenant, attemptId, { candidate, windows }, { state: "claimed" });
    }
    for (const [partition, sequence] of settled) budgets.settled.set(partition, sequence);
    Object.assign(budgets, { state: { kind: "ready" }, epoch, since: this.#clock.now() });
    return true;
  }

  /** Forgets everything, as a Redis does that starts empty. */
  lose(): void {
    this.#tenants.clear();
  }

  /** Throws the fault of a tenant whose budgets are not ready. */
  assertReady(tenant: string): void {
    this.#ready(tenant);
  }

  /** Returns the epoch; null while the budgets are not ready. */
  epochOf(tenant: string): number | null {
    const { state, epoch } = this.#of(tenant);
    return state.kind === "ready" ? epoch : null;
  }

  /** Returns the epoch if it began after a request was admitted, and 0 otherwise. */
  epochAfter(tenant: string, admittedAt: number): number {
    const { epoch, since } = this.#of(tenant);
    return admittedAt < since ? epoch : 0;
  }

  /** Reserves what an attempt needs and does not have. Returns the shortage, or null. */
  claim({ tenant, attemptId, dispatchedId, option }: AttemptNeed): Shortage | null {
    const { reservations } = this.#ready(tenant);
    const own = heldOf(reservations.get(attemptId));
    const needsNothing = option.windows.length === 0;
    if (own && !needsNothing && isFor(own, option, tenant)) {
      reservations.set(attemptId, { ...own, state: "claimed" });
      return null;
    }
    const dispatched = heldOf(reservations.get(dispatchedId));
    const source = own ?? (dispatched?.state === "open" ? dispatched : undefined);
    if (source) this.#add(tenant, source.windowIds, -source.amountNanoUsd);
    const shortage = this.#shortageOf(tenant, option);
    if (shortage && source) this.#add(tenant, source.windowIds, source.amountNanoUsd);
    if (shortage) return shortage;
    if (source && !own) this.#end(tenant, dispatchedId, endedReservationKeptMs);
    if (needsNothing) this.#end(tenant, attemptId, endedReservationKeptMs);
    else this.#hold(tenant, attemptId, option, { state: "claimed" });
    return null;
  }

  /** Releases a reservation that no attempt has claimed. */
  releaseOpen(tenant: string, attemptId: string): void {
    this.#releaseIf("open", tenant, attemptId);
  }

  /** Releases the reservation of an attempt that cost nothing. */
  releaseClaimed(tenant: string, attemptId: string): void {
    this.#releaseIf("claimed", tenant, attemptId);
  }

  #releaseIf(state: Held["state"], tenant: string, attemptId: string): void {
    const budgets = this.#of(tenant);
    const held = heldOf(budgets.reservations.get(attemptId));
    if (budgets.state.kind !== "ready" || held?.state !== state) return;
    this.#add(tenant, held.windowIds, -held.amountNanoUsd);
    this.#end(tenant, attemptId, endedReservationKeptMs);
  }

  #reserve<C extends BoundedCandidate>(request: ReservationRequest<C>): Reservation<C> {
    const { tenant, attemptId, options, deadlineAt } = request;
    const { reservations } = this.#ready(tenant);
    const known = reservations.get(attemptId);
    if (known?.state === "done" && known.keptUntil > this.#clock.now()) return { kind: "ended" };
    const held = heldOf(known);
    if (held?.state === "claimed") return { kind: "ended" };
    const asked = held && options[held.granted[0]!];
    if (held && asked && isFor(held, asked, tenant)) return grantedOf(request, held.granted);
    if (held) this.#add(tenant, held.windowIds, -held.amountNanoUsd);
    const shortages = options.map((option) => this.#shortageOf(tenant, option));
    const granted = shortages.flatMap((shortage, index) => (shortage === null ? [index] : []));
    const [first] = granted;
    if (first === undefined) {
      this.#end(tenant, attemptId, refusalKeptMs);
      const [cheapest] = shortages
        .filter((shortage) => shortage !== null)
        .toSorted((a, b) => Number(a.neededNanoUsd - b.neededNanoUsd));
      return { kind: "refused", shortage: cheapest! };
    }
    const expiresAt = deadlineAt + expiryGraceMs;
    this.#hold(tenant, attemptId, options[first]!, { state: "open", granted, expiresAt });
    return grantedOf(request, granted);
  }

  #settle({ tenant, attemptId, windows, amountNanoUsd, ...charge }: Settlement): void {
    const budgets = this.#ready(tenant);
    if (charge.sequence <= (budgets.settled.get(charge.partition) ?? 0n)) {
      if (!charge.isNew) return;
      budgets.state = { kind: "lost" };
      throw rebuilding();
    }
    const held = heldOf(budgets.reservations.get(attemptId));
    if (held) {
      this.#add(tenant, held.windowIds, -held.amountNanoUsd);
      this.#end(tenant, attemptId, endedReservationKeptMs);
    }
    for (const window of windows) this.#counterOf(tenant, window).spentNanoUsd += amountNanoUsd;
    budgets.settled.set(charge.partition, charge.sequence);
  }

  #shortageOf(
    tenant: string,
    { candidate, windows }: ReservationOption<BoundedCandidate>,
  ): Shortage | null {
    for (const window of windows) {
      const { limitNanoUsd, spentNanoUsd, reservedNanoUsd } = this.#counterOf(tenant, window);
      const allowanceNanoUsd = limitNanoUsd - spentNanoUsd - reservedNanoUsd;
      const neededNanoUsd = candidate.worstCaseNanoUsd;
      if (window.hard && neededNanoUsd > allowanceNanoUsd)
        return { window, neededNanoUsd, allowanceNanoUsd };
    }
    return null;
  }

  #hold(
    tenant: string,
    attemptId: string,
    { candidate, windows }: ReservationOption<BoundedCandidate>,
    held: Pick<Held, "state"> & Partial<Held>,
  ): void {
    for (const window of windows) this.#counterOf(tenant, window);
    const windowIds = windows.map((window) => windowIdOf(tenant, window));
    const { variant, worstCaseNanoUsd: amountNanoUsd } = candidate;
    this.#add(tenant, windowIds, amountNanoUsd);
    const reservation = { variant, amountNanoUsd, windowIds, granted: [], expiresAt: 0, ...held };
    this.#of(tenant).reservations.set(attemptId, reservation);
  }

  #end(tenant: string, attemptId: string, keptMs: number): void {
    const keptUntil = this.#clock.now() + keptMs;
    this.#of(tenant).reservations.set(attemptId, { state: "done", keptUntil });
  }

  #add(tenant: string, windowIds: readonly string[], amount: NanoUsd): void {
    const { counters } = this.#of(tenant);
    for (const id of windowIds) counters.get(id)!.reservedNanoUsd += amount;
  }

  #counterOf(tenant: string, window: Window): Counter {
    const { counters } = this.#of(tenant);
    const id = windowIdOf(tenant, window);
    const { limitNanoUsd, version } = window;
    const counter = counters.get(id) ?? {
      spentNanoUsd: 0n,
      reservedNanoUsd: 0n,
      limitNanoUsd,
      version,
    };
    counters.set(id, counter);
    if (version >= counter.version) Object.assign(counter, { limitNanoUsd, version });
    return counter;
  }

  #of(tenant: string): TenantBudgets {
    const known = this.#tenants.get(tenant);
    if (known) return known;
    const budgets: TenantBudgets = {
      state: this.#initial,
      token: "",
      epoch: -1,
      since: 0,
      counters: new Map(),
      reservations: new Map(),
      settled: new Map(),
    };
    this.#tenants.set(tenant, budgets);
    return budgets;
  }

  #ready(tenant: string): TenantBudgets {
    const budgets = this.#of(tenant);
    if (budgets.state.kind !== "ready") throw rebuilding();
    return budgets;
  }
}

function heldOf(reservation: Held | Ended | undefined): Held | undefined {
  return reservation && reservation.state !== "done" ? reservation : undefined;
}

function isFor(
  held: Held,
  { candidate, windows }: ReservationOption<BoundedCandidate>,
  tenant: string,
): boolean {
  return (
    held.variant === candidate.variant &&
    held.amountNanoUsd === candidate.worstCaseNanoUsd &&
    held.windowIds.join() === windows.map((window) => windowIdOf(tenant, window)).join()
  );
}

function grantedOf<C extends BoundedCandidate>(
  { options }: ReservationRequest<C>,
  granted: readonly number[],
): Reservation<C> {
  return { kind: "granted", candidates: granted.flatMap((at) => options[at]?.candidate ?? []) };
}
