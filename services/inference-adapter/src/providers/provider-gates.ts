import type { Candidate } from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";
import type { StageLogger } from "@sluice/stage";
import {
  begun,
  type Breaker,
  type BreakerPolicy,
  closed,
  ended,
  readyAtOf,
  type Verdict,
} from "../decide/breaker.ts";
import type { FailureCode } from "../decide/failure.ts";
import type { AdapterMetrics } from "../metrics.ts";
import type { ProviderEnd } from "./provider.ts";

/** A provider that cannot be asked for longer than this is asked again all the same. */
const restMsMax = 10 * 60_000;
/** Until an operator has changed the key. */
const badKeyRestMs = 60_000;

type GateLogger = Pick<StageLogger, "warn" | "error">;

/** Who may be called now: a breaker per model and provider key, and the keys in turn. */
export class ProviderGates {
  readonly #keyCounts: ReadonlyMap<string, number>;
  readonly #policy: BreakerPolicy;
  readonly #metrics: AdapterMetrics;
  readonly #breakers = new Map<string, Breaker>();
  readonly #logger: GateLogger;
  #turn = 0;

  /** @param keyCounts how many keys each declared provider has */
  constructor(
    keyCounts: ReadonlyMap<string, number>,
    policy: BreakerPolicy,
    metrics: AdapterMetrics,
    logger: GateLogger,
  ) {
    this.#keyCounts = keyCounts;
    this.#policy = policy;
    this.#metrics = metrics;
    this.#logger = logger;
  }

  /** When some key may be used for the candidate; Infinity for a provider that is not declared. */
  readyAt(candidate: Candidate): EpochMillis {
    const keys = this.#keysOf(candidate);
    return Math.min(...keys.map((key) => readyAtOf(this.#breakerOf(candidate, key))));
  }

  /** The key to call with, in turn among those that are ready; the soonest where none is. */
  begin(candidate: Candidate, now: EpochMillis): number {
    const keys = this.#keysOf(candidate);
    this.#turn += 1;
    const inTurn = keys.map((_, index) => keys[(index + this.#turn) % keys.length] ?? 0);
    const readyAt = (key: number): EpochMillis => readyAtOf(this.#breakerOf(candidate, key));
    const key =
      inTurn.find((candidateKey) => readyAt(candidateKey) <= now) ??
      inTurn.toSorted((left, right) => readyAt(left) - readyAt(right))[0] ??
      0;
    this.#set(candidate, key, begun(this.#breakerOf(candidate, key), this.#policy, now));
    return key;
  }

  ended(candidate: Candidate, key: number, end: ProviderEnd, now: EpochMillis): void {
    const verdict = verdictOf(end);
    if (!verdict) return;
    const before = this.#breakerOf(candidate, key);
    const after = ended(before, verdict, this.#policy, now);
    this.#set(candidate, key, after);
    if (after.kind === "open" && before.kind !== "open")
      this.#tell(candidate, key, end, after.until - now);
  }

  /** Once per trip. The key's place in the list, never the key. */
  #tell({ provider, model }: Candidate, key: number, end: ProviderEnd, restMs: number): void {
    const code = end.kind === "answered" ? end.kind : end.code;
    const fields = { provider, model, key, code, restMs };
    if (code === "unauthorized") this.#logger.error(fields, "the provider refuses the key");
    else this.#logger.warn(fields, "the provider is not called for a while");
  }

  #keysOf({ provider }: Candidate): readonly number[] {
    return Array.from({ length: this.#keyCounts.get(provider) ?? 0 }, (_, index) => index);
  }

  #breakerOf(candidate: Candidate, key: number): Breaker {
    return this.#breakers.get(nameOf(candidate, key)) ?? closed;
  }

  #set(candidate: Candidate, key: number, breaker: Breaker): void {
    this.#breakers.set(nameOf(candidate, key), breaker);
    this.#metrics.breaker(candidate, key, breaker);
  }
}

function nameOf({ provider, model }: Candidate, key: number): string {
  return `${provider}/${model}/${key}`;
}

/**
 * Null: the end says neither that the provider is down nor that it is well. We
 * ended the call; or it began an answer; or it was too busy for this one and
 * named no time, so that the request's own back-off is enough.
 */
export function verdictOf(end: ProviderEnd): Verdict | null {
  switch (end.kind) {
    case "answered":
    case "unusable":
      return { kind: "success" };
    case "refused":
      return verdictOfRefusal(end.code, end.retryAfterMs);
    case "cut":
      return null;
    case "lost":
      return end.code === "aborted" ? null : { kind: "failure" };
    default:
      return end satisfies never;
  }
}

function verdictOfRefusal(code: FailureCode, retryAfterMs: number | null): Verdict | null {
  if (code === "unauthorized") return { kind: "rest", restMs: badKeyRestMs };
  if (code === "request_refused" || code === "context_length_exceeded") return { kind: "success" };
  if (retryAfterMs !== null && retryAfterMs > 0)
    return { kind: "rest", restMs: Math.min(retryAfterMs, restMsMax) };
  return code === "rate_limited" ? null : { kind: "failure" };
}
