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

/** A provider is called again after this time, even if it asked to wait longer. */
const restMsMax = 10 * 60_000;
/** How long a key rests that is refused, or whose account is used up. An operator has to act. */
const badKeyRestMs = 60_000;

type BreakerLogger = Pick<StageLogger, "warn" | "error">;

/**
 * Decides which provider may be called with which key: one breaker per model and key, and the keys
 * in turn.
 */
export class ProviderBreakers {
  readonly #keyCountOf: (provider: string) => number;
  readonly #policy: BreakerPolicy;
  readonly #metrics: AdapterMetrics;
  readonly #breakers = new Map<string, Breaker>();
  /** Why a key rests for a model; absent if it failed. */
  readonly #reasons = new Map<string, FailureCode>();
  readonly #logger: BreakerLogger;
  #turn = 0;

  /** @param keyCountOf returns how many keys a provider has now; 0 if it is not declared */
  constructor(
    keyCountOf: (provider: string) => number,
    policy: BreakerPolicy,
    metrics: AdapterMetrics,
    logger: BreakerLogger,
  ) {
    this.#keyCountOf = keyCountOf;
    this.#policy = policy;
    this.#metrics = metrics;
    this.#logger = logger;
  }

  /**
   * Returns when the first key may be used for the candidate; Infinity if its provider is not
   * declared.
   */
  readyAt(candidate: Candidate): EpochMillis {
    const keys = this.#keysOf(candidate);
    return Math.min(...keys.map((key) => readyAtOf(this.#breakerOf(candidate, key))));
  }

  /** Returns why the provider rests for the candidate: the reason of the key that is ready first. */
  restsBecause(candidate: Candidate): FailureCode | null {
    const readyAt = this.readyAt(candidate);
    const first = this.#keysOf(candidate).find(
      (key) => readyAtOf(this.#breakerOf(candidate, key)) === readyAt,
    );
    return first === undefined ? null : (this.#reasons.get(nameOf(candidate, first)) ?? null);
  }

  /**
   * Returns the next ready key in turn, or the key that is ready soonest, and counts the call as
   * begun.
   */
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

  /** Takes the end of a call into account, and logs once if the breaker opens. */
  ended(candidate: Candidate, key: number, end: ProviderEnd, now: EpochMillis): void {
    const verdict = verdictOf(end);
    if (!verdict) return;
    const before = this.#breakerOf(candidate, key);
    const after = ended(before, verdict, this.#policy, now);
    this.#set(candidate, key, after);
    if (verdict.kind === "rest" && end.kind === "refused")
      this.#reasons.set(nameOf(candidate, key), end.code);
    else if (after.kind !== "open") this.#reasons.delete(nameOf(candidate, key));
    if (after.kind === "open" && before.kind !== "open")
      this.#logOpened(candidate, key, end, after.until - now);
  }

  /** Logs the position of the key in its list, and never the key. */
  #logOpened({ provider, model }: Candidate, key: number, end: ProviderEnd, restMs: number): void {
    const code = end.kind === "answered" ? end.kind : end.code;
    const fields = { provider, model, key, code, restMs };
    if (code === "unauthorized") this.#logger.error(fields, "the provider refuses the key");
    else if (code === "quota_exhausted")
      this.#logger.error(fields, "the account of the key is used up at the provider");
    else
      this.#logger.warn(
        fields,
        "the breaker is open: the provider is not called until it has rested",
      );
  }

  #keysOf({ provider }: Candidate): readonly number[] {
    return Array.from({ length: this.#keyCountOf(provider) }, (_, index) => index);
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
 * Returns what the end of a call says about the provider, or null if it says nothing: this process
 * ended the call; or the answer had begun; or the provider had closed an idle connection; or it was too busy for
 * this call and named no time, so that the request's own back-off is enough.
 */
export function verdictOf(end: ProviderEnd): Verdict | null {
  switch (end.kind) {
    case "answered":
      return { kind: "success" };
    case "unusable":
      return { kind: end.code === "answer_unreadable" ? "failure" : "success" };
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
  if (code === "unauthorized" || code === "quota_exhausted")
    return { kind: "rest", restMs: badKeyRestMs };
  if (code === "request_refused" || code === "context_length_exceeded") return { kind: "success" };
  if (retryAfterMs !== null && retryAfterMs > 0)
    return { kind: "rest", restMs: Math.min(retryAfterMs, restMsMax) };
  return code === "rate_limited" || code === "connection_stale" ? null : { kind: "failure" };
}
