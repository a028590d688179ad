import { Declarations } from "@sluice/declarations";
import {
  attributionSignatureOf,
  type BudgetWindow,
  type CostMetered,
  type InferenceAttempted,
  type Usage,
} from "@sluice/contracts";
import { noUsage, PriceBook, type Rates } from "@sluice/domain";

const rates = (inputNanoUsd: bigint, outputNanoUsd: bigint): Rates => ({
  inputNanoUsd,
  outputNanoUsd,
  cachedInputNanoUsd: null,
  cacheWriteNanoUsd: null,
  cacheWriteHourNanoUsd: null,
  reasoningNanoUsd: null,
  otherNanoUsd: {},
});

/**
 * An input token costs 1,000 nano-USD for "small" and 10,000 for "large". Output is four times as
 * expensive.
 */
export const book = new PriceBook([
  {
    variant: "small",
    effectiveFrom: Date.UTC(2026, 0, 1),
    inputAboveTokens: null,
    rates: rates(1_000_000_000n, 4_000_000_000n),
  },
  {
    variant: "large",
    effectiveFrom: Date.UTC(2026, 0, 1),
    inputAboveTokens: null,
    rates: rates(10_000_000_000n, 40_000_000_000n),
  },
]);

/** A time within an hour, so that the sums of a test are in the same hour. */
export const calledAt = Date.UTC(2026, 5, 1, 12, 30, 0, 123);

export const usageOf = (given: Partial<Usage>): Usage => ({ ...noUsage, ...given });

/** Signs the records of these fixtures. */
export const attributionSecret = "a secret of ingress and accountant";

const attribution = {
  tenant: "demo",
  team: "search",
  feature: "answers",
  user: "ada",
  key: "k1",
  signature: "",
};

/** Returns the window of a month for team "search". */
export function windowOf(given: Partial<BudgetWindow> = {}): BudgetWindow {
  return {
    budget: "team",
    scope: "team=search",
    opensAt: Date.UTC(2026, 5, 1),
    closesAt: Date.UTC(2099, 6, 1),
    limitNanoUsd: 5_000_000_000n,
    hard: true,
    version: 1n,
    ...given,
  };
}

/** Signs the attribution as ingress does, unless a test has given a signature. */
function signed<R extends Pick<CostMetered, "requestId" | "attribution">>(record: R): R {
  const { requestId, attribution: payer } = record;
  if (payer.signature !== "") return record;
  const signature = attributionSignatureOf(payer, requestId, attributionSecret);
  return { ...record, attribution: { ...payer, signature } };
}

/** Returns a metering of 100 input and 10 output tokens of "small", which cost 140,000 nano-USD. */
export function meteredOf(given: Partial<CostMetered> = {}): CostMetered {
  return signed({
    requestId: "request",
    attemptId: "attempt",
    attemptNumber: 1,
    kind: "reported",
    attribution,
    tags: { ticket: "T-1" },
    variant: "small",
    provider: "simulator",
    model: "small-1",
    tier: "economy",
    complexity: "simple",
    lane: "realtime",
    cache: "miss",
    calledAt,
    meteredAt: calledAt + 500,
    usage: usageOf({ inputTokens: 100n, outputTokens: 10n }),
    estimatedFigures: [],
    raw: null,
    reason: "answered",
    windows: [],
    runId: null,
    ...given,
  });
}

/**
 * Returns an intent of 50 input tokens and two answers of at most 200 tokens, which cost 1,650,000
 * nano-USD of "small".
 */
export function intentOf(given: Partial<InferenceAttempted> = {}): InferenceAttempted {
  return signed({
    requestId: "request",
    attemptId: "attempt",
    attemptNumber: 1,
    attribution,
    tags: { ticket: "T-1" },
    attemptedAt: calledAt,
    deadlineAt: calledAt + 120_000,
    variant: "small",
    provider: "simulator",
    model: "small-1",
    tier: "economy",
    complexity: "simple",
    lane: "realtime",
    cache: "miss",
    inputTokens: 50n,
    outputLimit: 200n,
    answers: 2,
    windows: [],
    worstCaseNanoUsd: 1_650_000n,
    runId: null,
    ...given,
  });
}

/** Declarations that contain only the price book. */
class PricesOnly extends Declarations {
  override version = () => 0n;
  override keys = () => [];
  override tenantsWithTopics = () => new Set<string>();
  override providers = () => [];
  override variants = () => [];
  override variantOf = () => undefined;
  override additionalMembers = () => ({
    requestMembers: new Set<string>(),
    answerMembers: new Set<string>(),
  });
  override priceBook = () => book;
  override outputLimitOf = () => 1_024;
  override cachePolicyOf = () => ({ enabled: false, ttlSeconds: 0 });
  override tenants = () => ["demo"];
  override budgetsOf = () => [];
  override timeZoneOf = () => "UTC";
  override weightOf = () => 1;
  override limitsOf = () => [];
  override samePromptPerMinute = () => 0;
  override keySecrets = () => new Map<string, string>();
  override secretOfKey = () => "";
  override secretOf = () => "";
}

export const declarations: Declarations = new PricesOnly();
