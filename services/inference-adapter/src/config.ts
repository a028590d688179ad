import { countKey, declarationKeys, platformKeys, stateKeys } from "@sluice/service-host";
import { z } from "zod";

const minuteMs = 60_000;

/** Everything that this service reads from its environment. */
export const adapterConfig = z.object({
  ...platformKeys,
  ...stateKeys,
  ...declarationKeys,
  SLUICE_ADAPTER_CONCURRENCY: countKey(
    256,
    { min: 1, max: 10_000 },
    "The most provider calls of this process at once.",
  ),
  SLUICE_ADAPTER_IN_HAND: countKey(
    512,
    { min: 1, max: 20_000 },
    "The most requests that are taken and not finished, including waiting ones. Beyond it, partitions pause.",
  ),
  SLUICE_ADAPTER_LEASE_MS: countKey(
    10_000,
    { min: 500, max: 5 * minuteMs },
    "How long an attempt belongs to this process without renewal, in milliseconds. Then another process may take it over.",
  ),
  SLUICE_ADAPTER_CONNECT_TIMEOUT_MS: countKey(
    5_000,
    { min: 10, max: minuteMs },
    "The time limit for connecting to a provider, in milliseconds.",
  ),
  SLUICE_ADAPTER_FIRST_BYTE_TIMEOUT_MS: countKey(
    10 * minuteMs,
    { min: 10, max: 60 * minuteMs },
    "The time limit until an answer begins, in milliseconds, unless `timeToFirstByteSeconds` of the model or its provider sets one. A model may reason for minutes before it says anything, and a whole answer begins after its last token. The request's deadline ends the call in any case.",
  ),
  SLUICE_ADAPTER_SILENCE_TIMEOUT_MS: countKey(
    30_000,
    { min: 10, max: 60 * minuteMs },
    "The longest silence of an answer that has begun, in milliseconds.",
  ),
  SLUICE_ADAPTER_DRAIN_MS: countKey(
    100_000,
    { min: 0, max: 30 * minuteMs },
    "How long a stop waits for running calls, in milliseconds. Calls that still run then are aborted and metered by what they have brought, although the provider may bill more.",
  ),
  SLUICE_ADAPTER_BREAKER_FAILURES: countKey(
    10,
    { min: 1, max: 1_000 },
    "Failures in a row after which a model is not called with a provider key for a while.",
  ),
  SLUICE_ADAPTER_BREAKER_OPEN_MS: countKey(
    2_000,
    { min: 10, max: 10 * minuteMs },
    "How long a model is not called with a key the first time, in milliseconds. It doubles each further time, up to 15 s.",
  ),
});

export type AdapterConfig = z.output<typeof adapterConfig>;
