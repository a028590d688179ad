import { readConnection } from "@sluice/local-stack";
import { administrators, withLocalStack } from "./local-connection.ts";
import { noStack } from "./no-stack.ts";
import { UsageError } from "./usage-error.ts";

/**
 * Returns the environment with the Kafka and the registry that it names, or else with those of the local stack and its
 * administrator's accounts.
 *
 * @throws UsageError if it names only one of them; TransientFault `CLI_NO_STACK` without a local stack
 */
export function operatorEnvironment(dataDir: string): NodeJS.ProcessEnv {
  const { SLUICE_KAFKA_BROKERS: kafka, SLUICE_REGISTRY_URL: registry } = process.env;
  const isLocal = !kafka && !registry;
  if (isLocal && !readConnection(dataDir))
    throw noStack(
      "set SLUICE_KAFKA_BROKERS and SLUICE_REGISTRY_URL to your Kafka and your schema registry",
    );
  if (isLocal || (kafka && registry)) return withLocalStack(process.env, dataDir, administrators);
  throw new UsageError(
    "Set SLUICE_KAFKA_BROKERS and SLUICE_REGISTRY_URL to your Kafka and your schema registry, or set neither to use the local stack.",
  );
}
