import { topics } from "@sluice/contracts";
import { Clock, Fault } from "@sluice/domain";
import { EventProducer, outgoing, TopicOffsets } from "@sluice/stage";
import type { Logger } from "@sluice/telemetry";
import type { AccountantFaultCode } from "../faults.ts";
import type { AccountantMetrics } from "../metrics.ts";
import { type AttributionTrust, vouchedAttributionOf } from "../charge/attribution-check.ts";
import type { OwnedPartitions } from "../charge/owned-partitions.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { estimateOf, isFoldedTo, overdueBefore, type Watch, watchesFor } from "./sweep.ts";

export interface SweeperParts {
  readonly ledger: Ledger;
  readonly offsets: TopicOffsets;
  readonly producer: EventProducer;
  readonly clock: Clock;
  readonly owned: OwnedPartitions;
  readonly metrics: AccountantMetrics;
  readonly trust: AttributionTrust;
  readonly logger: Pick<Logger, "warn" | "error">;
  /** The consumer group of the stage that folds cost.metered. */
  readonly chargingGroup: string;
  readonly graceMs: number;
  readonly intervalMs: number;
}

/** The limit of attempts in one sweep. The next sweep finds the others. */
const attemptsMax = 1_000;
const defectCode: AccountantFaultCode = "SWEEP_DEFECT";

/**
 * Publishes an estimate for each attempt that was not metered in time. It does not write charges: the
 * charge stage folds its estimates like any other metering, so two sweepers, or a crash after
 * publishing, cause one charge.
 */
export class Sweeper {
  readonly #parts: SweeperParts;
  readonly #watches = new Map<number, Watch>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(parts: SweeperParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#running ??= this.#tick().finally(() => (this.#running = undefined));
    }, this.#parts.intervalMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /**
   * Sweeps the partitions of this process once.
   *
   * @throws TransientFault if the ledger or Kafka is unavailable; the next sweep continues
   */
  async sweep(): Promise<void> {
    this.#dropRevoked();
    await this.#watchOverdue();
    if (this.#watches.size === 0) return;
    const { offsets, chargingGroup } = this.#parts;
    const committed = await offsets.committed(chargingGroup, topics.costMetered.name);
    for (const watch of this.#watches.values()) {
      if (!isFoldedTo(watch, committed)) continue;
      await this.#estimate(watch);
      this.#watches.delete(watch.partition);
    }
  }

  #dropRevoked(): void {
    for (const partition of this.#watches.keys())
      if (!this.#parts.owned.has(partition)) this.#watches.delete(partition);
  }

  /**
   * Watches partitions with overdue attempts. A watched partition keeps its mark, because under
   * load a new mark would never be reached.
   */
  async #watchOverdue(): Promise<void> {
    const { ledger, owned, offsets, clock, graceMs } = this.#parts;
    const unwatched = owned.list().filter((partition) => !this.#watches.has(partition));
    if (unwatched.length === 0) return;
    const before = overdueBefore(clock.now(), graceMs);
    const overdue = await ledger.overdue(unwatched, before, attemptsMax);
    if (overdue.length === 0) return;
    // Read after the attempts were found overdue, so that usage published until now is below the mark.
    const ends = await offsets.endOffsets(topics.costMetered.name);
    for (const watch of watchesFor(overdue, ends)) this.#watches.set(watch.partition, watch);
  }

  async #estimate({ partition, attempts }: Watch): Promise<void> {
    const { ledger, producer, clock, owned, metrics, trust } = this.#parts;
    const open = await ledger.stillOpen(attempts.map(({ attemptId }) => attemptId));
    const estimates = attempts
      .filter(({ attemptId }) => open.has(attemptId))
      .map((intent) => ({ ...intent, attribution: vouchedAttributionOf(intent, trust) }))
      .map((intent) => estimateOf(intent, clock.now()));
    if (estimates.length === 0 || !owned.has(partition)) return;
    await producer.send(estimates.map((metered) => outgoing(topics.costMetered, metered)));
    metrics.swept(estimates.length);
  }

  async #tick(): Promise<void> {
    try {
      await this.sweep();
    } catch (error) {
      const code = error instanceof Fault ? error.code : defectCode;
      const { logger, metrics } = this.#parts;
      metrics.sweepFailed(code);
      if (code === defectCode)
        logger.error({ code, error }, "the sweep failed unexpectedly and is tried again");
      else logger.warn({ code, error }, "the sweep waits for the end of an outage");
    }
  }
}
