import { assert } from "@sluice/domain";

/** The addresses of the parts that the global setup started or the environment names. */
export interface StackAddresses {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  readonly redisUrl: string;
  readonly cacheRedisUrl: string;
  readonly ledgerUrl: string;
}

export function stackAddresses(environment: NodeJS.ProcessEnv = process.env): StackAddresses {
  return {
    brokers: valueOf(environment, "SLUICE_KAFKA_BROKERS").split(","),
    registryUrl: valueOf(environment, "SLUICE_REGISTRY_URL"),
    redisUrl: valueOf(environment, "SLUICE_REDIS_URL"),
    cacheRedisUrl: valueOf(environment, "SLUICE_CACHE_REDIS_URL"),
    ledgerUrl: valueOf(environment, "SLUICE_LEDGER_URL"),
  };
}

function valueOf(environment: NodeJS.ProcessEnv, name: string): string {
  const value = environment[name];
  assert(
    value,
    "TESTING_STACK_ABSENT",
    `${name} is not set. Run this suite in Vitest's project "stack" (*.int, *.e2e, *.chaos).`,
  );
  return value;
}
