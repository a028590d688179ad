import type { InferenceRequested } from "@sluice/contracts";

/** As long as a body over HTTP may be: what follows adds to it, and internal topics take 2 MiB. */
export const recordBytesMax = 768 * 1024;
/** It is copied into the record and the headers of the response. */
export const correlationIdBytesMax = 1_024;

const tagsMax = 64;
const tagNameLengthMax = 64;
const tagValueLengthMax = 512;
/** What headers may say of the same over HTTP. */
const label = /^[\x21-\x7e]{1,128}$/;
/** The ledger's database cannot hold a NUL, and nobody can read the others in a report. */
const control = /\p{Cc}/u;

/** What is out of bounds in a record, as its path and what is allowed there. Pure. */
export function excessIn(request: InferenceRequested): readonly [string, string] | undefined {
  const { requirements, cache, tags } = request;
  const labels = ["sessionId", "runId", "stepId"] as const;
  const wrong = labels.find((name) => request[name] !== null && !label.test(request[name]));
  if (wrong) return [wrong, "1 to 128 printable ASCII characters without spaces"];
  if (isNegative(requirements.maxLatencyMs))
    return ["requirements.maxLatencyMs", "milliseconds, zero or more"];
  if (isNegative(requirements.maxCostNanoUsd))
    return ["requirements.maxCostNanoUsd", "nano-dollars, zero or more"];
  if (isNegative(cache.ttlSeconds)) return ["cache.ttlSeconds", "seconds, zero or more"];
  if (Object.keys(tags).length > tagsMax) return ["tags", `at most ${tagsMax} tags`];
  if (!Object.entries(tags).every(isTag))
    return [
      "tags",
      `names of 1 to ${tagNameLengthMax} and values of at most ${tagValueLengthMax} characters, none of them a control character`,
    ];
  return undefined;
}

function isNegative(value: number | bigint | null): boolean {
  return value !== null && value < 0;
}

function isTag([name, value]: readonly [string, string]): boolean {
  const isNamed = name.length > 0 && name.length <= tagNameLengthMax;
  return isNamed && value.length <= tagValueLengthMax && !control.test(name + value);
}
