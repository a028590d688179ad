export {
  type Budget,
  type BudgetDimension,
  budgetDimensions,
  type BudgetSelector,
  type BudgetSubject,
  selects,
  type Window,
  windowsFor,
} from "./budgets/budget.ts";
export {
  type BudgetPeriod,
  budgetPeriods,
  isTimeZone,
  periodAt,
  type PeriodBounds,
} from "./budgets/budget-period.ts";
export { isSelected, scopeOf, type Selector } from "./selector.ts";
export { canonicalJson } from "./canonical-json.ts";
export { Clock, type EpochMillis, SystemClock } from "./clock.ts";
export { connectionTroubleOf, errorsIn } from "./connection-trouble.ts";
export { assert, Defect, Fault, PermanentFault, TransientFault } from "./faults.ts";
export {
  type AttemptId,
  attemptIdOf,
  type ChargeId,
  chargeIdOf,
  type ChargeKind,
  hashOf,
  hitAttemptNumber,
  isRequestId,
  lengthPrefixed,
  partitionKeyOf,
  type RequestId,
} from "./ids.ts";
export { divideHalfEven, formatUsd, type NanoUsd, parseUsd } from "./money.ts";
export { type ApplicablePrice, PriceBook, type PriceEntry } from "./price-book.ts";
export { type PriceFaultCode, priceOf, type Rates, worstCaseOf } from "./price.ts";
export { complexities, type Complexity, isTier, type Tier, tierFor, tiers } from "./tiers.ts";
export {
  allInputOf,
  allOutputOf,
  noUsage,
  type TokenClass,
  tokenClasses,
  type TokenUsage,
  totalTokensOf,
} from "./usage.ts";
export { randomHex } from "./random-hex.ts";
export { uuidv7 } from "./uuidv7.ts";
export {
  type BackOff,
  backOffMs,
  doubledMs,
  type RetryOptions,
  retryWithBackOff,
  sleep,
  withTimeout,
} from "./waiting.ts";
export {
  base64Of,
  dimensionsOf,
  numbersOf,
  embeddingBytesMax,
  embeddingInputsMax,
  embeddingOf,
  embeddingsThatFit,
} from "./embeddings.ts";
export { isLoopback, webAddressProblem } from "./web-address.ts";
