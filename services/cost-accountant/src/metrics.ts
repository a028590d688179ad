import { Injectable } from "@nestjs/common";
import { formatUsd } from "@sluice/domain";
import { Counter, Gauge, Registry } from "prom-client";
import type { Verdict } from "./charge/charge.ts";

/** The metrics of the accountant. Amounts are floats for dashboards; only the ledger is exact. */
@Injectable()
export class AccountantMetrics {
  readonly #charged: Counter<"tier" | "provider">;
  readonly #corrected: Counter<"tier" | "provider">;
  readonly #saved: Counter<"tier" | "provider">;
  readonly #verdicts: Counter<"verdict">;
  readonly #unverified: Counter<"topic" | "code">;
  readonly #swept: Counter;
  readonly #sweepFaults: Counter<"code">;
  readonly #budgetsNotReady: Gauge;
  readonly #rebuilds: Counter;
  readonly #rebuildFaults: Counter<"code">;
  readonly #expired: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    const byModel = (name: string, help: string) =>
      new Counter({ name, help, labelNames: ["tier", "provider"] as const, registers });
    this.#charged = byModel("charges_usd_total", "Spend charged in the ledger, in US dollars.");
    this.#corrected = byModel(
      "charges_corrected_usd_total",
      "Amounts by which estimates were above the reported usage, in US dollars. Subtract them from charges_usd_total.",
    );
    this.#saved = byModel(
      "charges_saved_usd_total",
      "Spend that cache hits avoided, in US dollars.",
    );
    this.#verdicts = new Counter({
      name: "charges_verdicts_total",
      help: "Folded meterings by verdict.",
      labelNames: ["verdict"] as const,
      registers,
    });
    this.#unverified = new Counter({
      name: "attributions_refused_total",
      help: "Records that were dead-lettered because ingress did not sign who pays, by topic and code.",
      labelNames: ["topic", "code"] as const,
      registers,
    });
    this.#swept = new Counter({
      name: "sweep_estimates_total",
      help: "Attempts without usage that the sweep estimated.",
      registers,
    });
    this.#sweepFaults = new Counter({
      name: "sweep_faults_total",
      help: "Sweeps that ended early, by code.",
      labelNames: ["code"] as const,
      registers,
    });
    this.#budgetsNotReady = new Gauge({
      name: "budgets_not_ready",
      help: "Tenants whose budgets are lost or rebuilt, so that their requests wait.",
      registers,
    });
    this.#rebuilds = new Counter({
      name: "budgets_rebuilds_total",
      help: "Rebuilds of a tenant's budgets from the ledger.",
      registers,
    });
    this.#rebuildFaults = new Counter({
      name: "budgets_rebuild_faults_total",
      help: "Rounds of the rebuild that ended early, by code.",
      labelNames: ["code"] as const,
      registers,
    });
    this.#expired = new Counter({
      name: "budgets_expired_reservations_total",
      help: "Reservations that no attempt claimed before the deadline of the request.",
      registers,
    });
  }

  folded(verdicts: readonly Verdict[]): void {
    for (const verdict of verdicts) {
      this.#verdicts.inc({ verdict: verdict.kind });
      if (verdict.kind !== "charge") continue;
      const { tier, provider, kind, amountNanoUsd, priceNanoUsd } = verdict.entry.charge;
      const labels = { tier, provider };
      if (kind === "saving") this.#saved.inc(labels, dollars(priceNanoUsd));
      else if (amountNanoUsd >= 0n) this.#charged.inc(labels, dollars(amountNanoUsd));
      else this.#corrected.inc(labels, dollars(-amountNanoUsd));
    }
  }

  attributionRefused(topic: string, code: string): void {
    this.#unverified.inc({ topic, code });
  }

  swept(attempts: number): void {
    this.#swept.inc(attempts);
  }

  sweepFailed(code: string): void {
    this.#sweepFaults.inc({ code });
  }

  budgetsNotReady(tenants: number): void {
    this.#budgetsNotReady.set(tenants);
  }

  budgetsRebuilt(): void {
    this.#rebuilds.inc();
  }

  rebuildFailed(code: string): void {
    this.#rebuildFaults.inc({ code });
  }

  reservationsExpired(reservations: number): void {
    this.#expired.inc(reservations);
  }
}

function dollars(nanoUsd: bigint): number {
  return Number(formatUsd(nanoUsd));
}
