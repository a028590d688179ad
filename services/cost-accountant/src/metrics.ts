import { Injectable } from "@nestjs/common";
import { formatUsd } from "@sluice/domain";
import { Counter, Registry } from "prom-client";
import type { Verdict } from "./charge/charge.ts";

/** The metrics of the accountant. Amounts are floats for dashboards; only the ledger is exact. */
@Injectable()
export class AccountantMetrics {
  readonly #charged: Counter<"tier" | "provider">;
  readonly #corrected: Counter<"tier" | "provider">;
  readonly #saved: Counter<"tier" | "provider">;
  readonly #verdicts: Counter<"verdict">;
  readonly #swept: Counter;
  readonly #sweepFaults: Counter<"code">;

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

  swept(attempts: number): void {
    this.#swept.inc(attempts);
  }

  sweepFailed(code: string): void {
    this.#sweepFaults.inc({ code });
  }
}

function dollars(nanoUsd: bigint): number {
  return Number(formatUsd(nanoUsd));
}
