import type { BudgetRebuild, Settlements } from "@sluice/budgets";
import type { Declarations } from "@sluice/declarations";
import { type Clock, Fault, sleep, TransientFault } from "@sluice/domain";
import type { TopicOffsets } from "@sluice/stage";
import type { Logger } from "@sluice/telemetry";
import type { AccountantFaultCode } from "../faults.ts";
import type { AccountantMetrics } from "../metrics.ts";
import type { BudgetHistory } from "./budget-history.ts";
import { announcedOn, hasStored, needsRebuild } from "./rebuild.ts";

export interface RebuilderParts {
  readonly declarations: Pick<Declarations, "tenants">;
  readonly rebuild: BudgetRebuild;
  readonly settlements: Settlements;
  readonly history: BudgetHistory;
  readonly offsets: TopicOffsets;
  readonly clock: Clock;
  readonly metrics: AccountantMetrics;
  readonly logger: Pick<Logger, "info" | "warn" | "error">;
  /** The consumer group of the stage that stores intents. */
  readonly intentsGroup: string;
  readonly intervalMs: number;
}

/** Expired reservations are rare, as each of them is a request that ended nowhere. */
const roundsPerExpiry = 20;
const intentsPollMs = 100;
const intentsWaitMs = 20_000;
const behindCode: AccountantFaultCode = "REBUILD_INTENTS_BEHIND";
const defectCode: AccountantFaultCode = "REBUILD_DEFECT";

/**
 * Keeps the budgets in Redis a projection of the ledger: rebuilds those of each tenant that are new or lost, and expires
 * reservations that no attempt claimed.
 *
 * A rebuild must not miss a call that is running. The adapter opens its socket only after Redis has stored that it calls,
 * and before that its intent is acknowledged. A call that began before the loss therefore has its intent on the topic when
 * the rebuild begins, and the rebuild waits until the ledger has stored all intents up to the end that the topic has then.
 * A call that begins later is claimed after the rebuild, in the new counters.
 */
export class BudgetRebuilder {
  readonly #parts: RebuilderParts;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  /** Tenants whose rebuild this process has begun and not ended. */
  readonly #failed = new Set<string>();
  #round = 0;
  #lastCode: string | undefined;
  #isStopped = false;

  constructor(parts: RebuilderParts) {
    this.#parts = parts;
  }

  start(): void {
    const tick = () => {
      this.#running ??= this.#tick().finally(() => (this.#running = undefined));
    };
    tick();
    this.#timer = setInterval(tick, this.#parts.intervalMs);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  /**
   * Rebuilds the budgets of the tenants that need it. A tenant that is not declared any more is one of them: its last
   * attempts are still claimed and settled, and they would wait indefinitely, with all that is behind them in their
   * partitions.
   *
   * @throws TransientFault if Redis, the ledger or Kafka is unavailable, or if the intents lag; the next round continues
   */
  async round(): Promise<void> {
    const { declarations, rebuild, history, clock, metrics } = this.#parts;
    const tenants = [...new Set([...declarations.tenants(), ...(await history.tenants())])];
    const states = await rebuild.states(tenants);
    const ready = tenants.filter((_, index) => states[index]!.kind === "ready");
    metrics.budgetsNotReady(tenants.length - ready.length);
    for (const tenant of ready) this.#failed.delete(tenant);
    const lost = tenants.filter((tenant, index) =>
      needsRebuild(states[index]!, this.#failed.has(tenant), clock.now()),
    );
    if (lost.length > 0) await this.#rebuild(lost);
    this.#round += 1;
    if (this.#round % roundsPerExpiry === 0) await this.#expire(ready);
  }

  /** Rebuilds tenants together, because a Redis that has lost one of them has mostly lost all. */
  async #rebuild(tenants: readonly string[]): Promise<void> {
    const tokens: (readonly [tenant: string, token: string])[] = [];
    for (const tenant of tenants) {
      // An outage until the end of this rebuild must not cost the time after which another process begins.
      this.#failed.add(tenant);
      tokens.push([tenant, await this.#parts.rebuild.begin(tenant)]);
    }
    await this.#untilStored();
    const faults: unknown[] = [];
    for (const [tenant, token] of tokens) {
      try {
        await this.#restore(tenant, token);
      } catch (fault) {
        // A defect in the data of one tenant must not keep the others waiting.
        faults.push(fault);
      }
    }
    if (faults.length > 0) throw faults[0];
  }

  async #restore(tenant: string, token: string): Promise<void> {
    const { rebuild, history, logger, metrics } = this.#parts;
    const epoch = await history.raiseEpoch(tenant, await rebuild.lastEpoch(tenant));
    const snapshot = await history.snapshot(tenant);
    const isRestored = await rebuild.restore(token, { tenant, epoch, ...snapshot });
    this.#failed.delete(tenant);
    // Another process has begun later, and restores the same.
    if (!isRestored) return;
    metrics.budgetsRebuilt();
    const { spent, open } = snapshot;
    const facts = { tenant, epoch, windows: spent.length, open: open.length };
    logger.info(facts, "the budgets of a tenant are rebuilt from the ledger");
  }

  /** Waits until the ledger has all intents that are on the topic now. */
  async #untilStored(): Promise<void> {
    const { offsets, intentsGroup, clock } = this.#parts;
    const ends = await offsets.endOffsets(announcedOn);
    const until = clock.now() + intentsWaitMs;
    while (!hasStored(ends, await offsets.committed(intentsGroup, announcedOn))) {
      if (this.#isStopped || clock.now() >= until)
        throw new TransientFault(
          behindCode,
          `The intents on ${announcedOn} were not stored in the ledger within ${intentsWaitMs / 1_000} s. The budgets stay closed, and the rebuild begins again.`,
        );
      await sleep(intentsPollMs);
    }
  }

  async #expire(tenants: readonly string[]): Promise<void> {
    const { settlements, metrics } = this.#parts;
    for (const tenant of tenants) {
      let released: number;
      // One call releases a limited number, and an outage of providers can leave many.
      do {
        released = await settlements.expire(tenant);
        metrics.reservationsExpired(released);
      } while (released > 0 && !this.#isStopped);
    }
  }

  async #tick(): Promise<void> {
    const { logger, metrics } = this.#parts;
    try {
      await this.round();
      this.#lastCode = undefined;
    } catch (error) {
      const code = error instanceof Fault ? error.code : defectCode;
      metrics.rebuildFailed(code);
      // Rounds follow each other quickly, so an outage is logged once.
      if (code === this.#lastCode) return;
      this.#lastCode = code;
      if (code === defectCode)
        logger.error(
          { code, error },
          "a rebuild of budgets failed unexpectedly and is tried again",
        );
      else logger.warn({ code, error }, "the rebuild of budgets waits for the end of an outage");
    }
  }
}
