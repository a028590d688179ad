import { Injectable } from "@nestjs/common";
import type { Candidate, Usage } from "@sluice/contracts";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Breaker } from "./decide/breaker.ts";
import type { ProviderEnd } from "./providers/provider.ts";

const durations = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300];
const breakerLevel: Readonly<Record<Breaker["kind"], number>> = {
  closed: 0,
  "half-open": 1,
  open: 2,
};

/** The metrics of this service. The operator's declarations bound the labels. */
@Injectable()
export class AdapterMetrics {
  readonly #requests: Histogram;
  readonly #attempts: Counter;
  readonly #breakers: Gauge;
  readonly #tokens: Counter;
  readonly #calling: Gauge;
  readonly #fenced: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#requests = new Histogram({
      name: "provider_request_duration_seconds",
      help: "Duration of a provider call, from opening the socket to its end. The code is answered, or why there was no answer.",
      labelNames: ["provider", "tier", "code"],
      buckets: durations,
      registers,
    });
    this.#attempts = new Counter({
      name: "provider_attempts_total",
      help: "Attempts by how their intent was closed: reported, estimated, swept (left to the sweep of the accountant) or released.",
      labelNames: ["provider", "tier", "closed"],
      registers,
    });
    this.#breakers = new Gauge({
      name: "provider_breaker_state",
      help: "State of the breaker of a model and provider key: 0 closed, 1 half-open, 2 open.",
      labelNames: ["provider", "model", "key"],
      registers,
    });
    this.#tokens = new Counter({
      name: "provider_tokens_total",
      help: "Metered tokens by class.",
      labelNames: ["provider", "tier", "class"],
      registers,
    });
    this.#calling = new Gauge({
      name: "provider_calls_open",
      help: "Provider calls that are running.",
      registers,
    });
    this.#fenced = new Counter({
      name: "provider_attempts_fenced_total",
      help: "Attempts that another adapter took over while they were running.",
      registers,
    });
  }

  callBegan(): void {
    this.#calling.inc();
  }

  callEnded({ provider, tier }: Candidate, end: ProviderEnd, seconds: number): void {
    this.#calling.dec();
    const code = end.kind === "answered" ? "answered" : end.code;
    this.#requests.observe({ provider, tier, code }, seconds);
  }

  closed(
    { provider, tier }: Candidate,
    how: "reported" | "estimated" | "swept" | "released",
  ): void {
    this.#attempts.inc({ provider, tier, closed: how });
  }

  metered({ provider, tier }: Candidate, { otherTokens, ...named }: Usage): void {
    const classes = { ...named, ...otherTokens };
    for (const [name, tokens] of Object.entries(classes))
      if (tokens) this.#tokens.inc({ provider, tier, class: name }, Number(tokens));
  }

  breaker({ provider, model }: Candidate, key: number, { kind }: Breaker): void {
    this.#breakers.set({ provider, model, key: String(key) }, breakerLevel[kind]);
  }

  fenced(): void {
    this.#fenced.inc();
  }
}
