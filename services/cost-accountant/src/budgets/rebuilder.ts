import type { BudgetRebuild, Settlements } from "@sluice/budgets";
import type { Declarations } from "@sluice/declarations";
import { type Clock, Fault, sleep } from "@sluice/domain";
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
   * Rebuilds the budgets of the tenants that need it, one after the other.
   *
   * @throws TransientFault if Redis, the ledger or Kafka is unavailable; the next round continues
   */
  async round(): Promise<void> {
    const { declarations, rebuild, settlements, clock, metrics } = this.#parts;
    const tenants = declarations.tenants();
    const states = await rebuild.states(tenants);
    metrics.budgetsNotReady(states.filter(({ kind }) => kind !== "ready").length);
    for (const [index, tenant] of tenants.entries())
      if (needsRebuild(states[index]!, clock.now())) await this.#rebuild(tenant);
    this.#round += 1;
    if (this.#round % roundsPerExpiry !== 0) return;
    for (const [index, tenant] of tenants.entries())
      if (states[index]!.kind === "ready")
        metrics.reservationsExpired(await settlements.expire(tenant));
  }

  async #rebuild(tenant: string): Promise<void> {
    const { rebuild, history, offsets, logger, metrics } = this.#parts;
    const token = await rebuild.begin(tenant);
    const ends = await offsets.endOffsets(announcedOn);
    if (!(await this.#untilStored(ends))) return;
    const epoch = await history.raiseEpoch(tenant);
    const snapshot = await history.snapshot(tenant);
    if (!(await rebuild.restore(token, { tenant, epoch, ...snapshot }))) return;
    metrics.budgetsRebuilt();
    const { spent, open } = snapshot;
    const facts = { tenant, epoch, windows: spent.length, open: open.length };
    logger.info(facts, "the budgets of a tenant are rebuilt from the ledger");
  }

  /** Returns false if the intents are not stored in time. The next round begins again. */
  async #untilStored(ends: ReadonlyMap<number, bigint>): Promise<boolean> {
    const { offsets, intentsGroup, clock } = this.#parts;
    const until = clock.now() + intentsWaitMs;
    while (!this.#isStopped) {
      if (hasStored(ends, await offsets.committed(intentsGroup, announcedOn))) return true;
      if (clock.now() >= until) return false;
      await sleep(intentsPollMs);
    }
    return false;
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
