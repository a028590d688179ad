import { type BudgetRefusal, budgetRefusalOf, type Shortage } from "@sluice/budgets";
import type { EpochMillis } from "@sluice/domain";
import type { AttemptFailure, FailureCode } from "./failure.ts";

export type EndCode =
  | "client_closed"
  | "deadline_exceeded"
  | "stream_interrupted"
  | "in_doubt"
  | "context_length_exceeded"
  | "provider_refused"
  | "provider_busy"
  | "provider_rate_limited"
  | "provider_quota_exhausted"
  | "provider_failed"
  | "budget_exceeded";

export interface End {
  readonly kind: "end";
  readonly outcome: "declined" | "failed";
  readonly code: EndCode;
  /** What happened and what to do, for the client. */
  readonly reason: string;
  /** After how many milliseconds a new request may succeed; absent if that is not known. */
  readonly retryAfterMs?: number | undefined;
  /** The parameter at fault, as the provider names it; absent if that is not known. */
  readonly param?: string | undefined;
  /** The budget that refused the request; absent for another reason. */
  readonly refusedBy?: BudgetRefusal["refusedBy"] | undefined;
}

/**
 * Returns the end of a request without candidates. It is the client's error only if every provider
 * said so.
 */
export function givenUp(failures: readonly AttemptFailure[], now: EpochMillis): End {
  const last = failures.at(-1);
  const limit = limitOf(failures.map(({ code }) => code));
  if (limit !== null) {
    // The last failure of each variant counts: the earlier times have passed.
    const retryAtOf = new Map(failures.map(({ variant, retryAt }) => [variant, retryAt]));
    const times = [...retryAtOf.values()].flatMap((retryAt) => retryAt ?? []);
    return limited(limit, times.length > 0 ? Math.max(0, Math.min(...times) - now) : undefined);
  }
  if (failures.length > 0 && failures.every(({ code }) => code === "context_length_exceeded"))
    return ended(
      "context_length_exceeded",
      "The conversation is longer than the context window of the model. Shorten it, or name another model.",
    );
  if (failures.length > 0 && failures.every(isTheRequest)) return refusalOf(failures);
  const answer = last && answerReasons.get(last.code);
  if (answer) return ended("provider_failed", answer);
  return ended(
    "provider_failed",
    last
      ? `No provider answered; the last attempt ended with ${last.code}. Try again later.`
      : "No provider can be called now. Try again later.",
  );
}

/** Returns the provider's words about the request; the last ones, because that candidate is the most capable. */
function refusalOf(failures: readonly AttemptFailure[]): End {
  const last = failures.findLast(({ words }) => words !== undefined) ?? failures.at(-1);
  const { words, status, param } = last ?? {};
  if (words === undefined)
    return ended(
      "provider_refused",
      `Every provider refused the request itself (HTTP ${status ?? "4xx"}). Check its parameters.`,
    );
  // Without a status, the request was refused here, because the provider's API cannot answer it.
  const reason =
    status === null
      ? `The request cannot be sent to the provider: ${words}`
      : `The provider refused the request (HTTP ${status}): ${words}`;
  return { ...ended("provider_refused", reason), param };
}

/**
 * Returns the end of a request whose budgets cover none of its candidates.
 *
 * @param hasCalled whether a provider was called for it
 */
export function overBudget(shortages: readonly Shortage[], hasCalled: boolean): End {
  const [cheapest] = shortages.toSorted((a, b) => Number(a.neededNanoUsd - b.neededNanoUsd));
  return {
    kind: "end",
    outcome: hasCalled ? "failed" : "declined",
    code: "budget_exceeded",
    ...budgetRefusalOf(cheapest!),
  };
}

/**
 * Returns the end of a request whose candidates cannot be called soon.
 *
 * @param reasons why, for each candidate
 */
export function busyFor(waitMs: number, reasons: readonly (FailureCode | null)[]): End {
  const limit = limitOf(reasons);
  if (limit !== null) return limited(limit, waitMs);
  const seconds = Math.ceil(waitMs / 1_000);
  const reason = `No model that may answer can be called for ${seconds} s, because its provider limits the calls or is resting. Send the request again after that, or name another model.`;
  return { ...ended("provider_busy", reason), retryAfterMs: waitMs };
}

type Limit = "provider_rate_limited" | "provider_quota_exhausted";

/** Returns the limit because of which nothing can be called; null if there is another reason too. */
function limitOf(codes: readonly (FailureCode | null)[]): Limit | null {
  if (codes.length === 0 || !codes.every(isLimit)) return null;
  return codes.includes("rate_limited") ? "provider_rate_limited" : "provider_quota_exhausted";
}

function isLimit(code: FailureCode | null): boolean {
  return code === "rate_limited" || code === "quota_exhausted";
}

function limited(code: Limit, retryAfterMs: number | undefined): End {
  const reason =
    code === "provider_rate_limited"
      ? "Every provider that may answer limits the rate of calls. Send the request again later, or name another model."
      : "The account of every provider that may answer is used up. The operator has to raise its quota or pay its bill.";
  return { ...ended(code, reason), retryAfterMs };
}

/** The provider bills these answers, and would bill another call too. */
const answerReasons: ReadonlyMap<FailureCode, string> = new Map([
  [
    "answer_too_large",
    "The provider's embeddings are larger than an answer may be. Send fewer inputs at once, or ask for fewer dimensions.",
  ],
  [
    "answer_unusable",
    "The provider returned other embeddings than were asked for: their number, dimensions or format is wrong. Name another model, and report this one to the operator.",
  ],
  [
    "answer_too_long",
    "The provider's answer is larger than the 32 MiB that are read. Ask for fewer tokens or without log probabilities, or name another model.",
  ],
  [
    "answer_empty",
    "The provider's answer has no text, refusal or tool call. Send the request again under a new id, or name another model.",
  ],
  [
    "answer_unreadable",
    "The provider's answer is not in the format of its API. Report this to the operator, or name another model.",
  ],
]);

export function ended(code: EndCode, reason: string): End {
  return { kind: "end", outcome: "failed", code, reason };
}

function isTheRequest({ code }: AttemptFailure): boolean {
  return code === "request_refused" || code === "context_length_exceeded";
}
