import { countKey, declarationKeys, platformKeys, stateKeys } from "@sluice/service-host";
import { z } from "zod";

const minuteMs = 60_000;

/** Everything this service reads from its environment. */
export const adapterConfig = z.object({
  ...platformKeys,
  ...stateKeys,
  ...declarationKeys,
  SLUICE_ADAPTER_CONCURRENCY: countKey(
    256,
    { min: 1, max: 10_000 },
    "Provider calls of this process at once.",
  ),
  SLUICE_ADAPTER_IN_HAND: countKey(
    512,
    { min: 1, max: 20_000 },
    "Requests taken and not finished, waiting ones included; beyond it partitions pause.",
  ),
  SLUICE_ADAPTER_LEASE_MS: countKey(
    10_000,
    { min: 500, max: 5 * minuteMs },
    "How long an attempt stays ours without a sign of life; another takes over after it.",
  ),
  SLUICE_ADAPTER_CONNECT_TIMEOUT_MS: countKey(
    5_000,
    { min: 10, max: minuteMs },
    "Until the connection to a provider stands, in milliseconds.",
  ),
  SLUICE_ADAPTER_SILENCE_TIMEOUT_MS: countKey(
    30_000,
    { min: 10, max: 60 * minuteMs },
    "Until the first byte of a provider's stream, and between any two, in milliseconds.",
  ),
  SLUICE_ADAPTER_WHOLE_TIMEOUT_MS: countKey(
    100_000,
    { min: 10, max: 60 * minuteMs },
    "Until the first byte of an answer that is not streamed: the time of its last token, in milliseconds.",
  ),
  SLUICE_ADAPTER_DRAIN_MS: countKey(
    5_000,
    { min: 0, max: 30 * minuteMs },
    "How long a stop waits for running calls, in milliseconds; what then runs is left to its lease.",
  ),
  SLUICE_ADAPTER_BREAKER_FAILURES: countKey(
    10,
    { min: 1, max: 1_000 },
    "Failures in a row after which a model is not called with that key for a while.",
  ),
  SLUICE_ADAPTER_BREAKER_OPEN_MS: countKey(
    2_000,
    { min: 10, max: 10 * minuteMs },
    "How long that while is the first time; it doubles with each further one, up to 15 s.",
  ),
});

export type AdapterConfig = z.output<typeof adapterConfig>;
