import type { InferenceRequested } from "@sluice/contracts";
import { clientNameForm, isClientName } from "@sluice/declarations";

/** Equals the preset limit of a body over HTTP. Later stages add to the record, and internal topics accept 2 MiB. */
export const recordBytesMax = 768 * 1024;
/** The correlation id is copied into the record and into the headers of the response. */
export const correlationIdBytesMax = 1_024;
/** In characters, over HTTP as on Kafka. */
export const modelLengthMax = 128;

const tagsMax = 64;
const tagNameLengthMax = 64;
const tagValueLengthMax = 512;
/** The same characters that the HTTP headers for these members allow. */
const label = /^[\x21-\x7e]{1,128}$/;
/** The members by which a client names who pays. */
const payers = ["user", "feature"] as const;
/** The ledger's database cannot store a NUL, and the other control characters are unreadable in a report. */
const control = /\p{Cc}/u;

/** A member of a record that is out of its bounds. */
export interface Excess {
  readonly path: string;
  /** The values that the member may have. */
  readonly allowed: string;
}

/** Returns the first member that is out of bounds. An HTTP request cannot exceed these bounds. Pure. */
export function excessIn(request: InferenceRequested): Excess | undefined {
  const { requirements, cache, tags } = request;
  const labels = ["sessionId", "runId", "stepId"] as const;
  const wrong = labels.find((name) => request[name] !== null && !label.test(request[name]));
  if (wrong) return { path: wrong, allowed: "1 to 128 printable ASCII characters without spaces" };
  const misnamed = payers.find((name) => request[name] !== null && !isClientName(request[name]));
  if (misnamed) return { path: misnamed, allowed: clientNameForm };
  if (isNegative(requirements.maxLatencyMs))
    return { path: "requirements.maxLatencyMs", allowed: "milliseconds, zero or more" };
  if (isNegative(requirements.maxCostNanoUsd))
    return { path: "requirements.maxCostNanoUsd", allowed: "nano-dollars, zero or more" };
  if (isNegative(cache.ttlSeconds))
    return { path: "cache.ttlSeconds", allowed: "seconds, zero or more" };
  if (Object.keys(tags).length > tagsMax)
    return { path: "tags", allowed: `at most ${tagsMax} tags` };
  if (!Object.entries(tags).every(isTag))
    return {
      path: "tags",
      allowed: `names of 1 to ${tagNameLengthMax} and values of at most ${tagValueLengthMax} characters, none of them a control character`,
    };
  return undefined;
}

function isNegative(value: number | bigint | null): boolean {
  return value !== null && value < 0;
}

function isTag([name, value]: readonly [string, string]): boolean {
  const isNamed = name.length > 0 && name.length <= tagNameLengthMax;
  return isNamed && value.length <= tagValueLengthMax && !control.test(name + value);
}
