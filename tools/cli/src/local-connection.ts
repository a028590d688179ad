import {
  ADMIN,
  connectedEnvironment,
  readConnection,
  type StackConnection,
} from "@sluice/local-stack";

/**
 * Returns the environment, completed by the addresses and accounts of the local stack in a data directory.
 *
 * @param role the account to use, by default the administrator's
 */
export function withLocalStack(
  environment: NodeJS.ProcessEnv,
  dataDir: string,
  role = ADMIN,
): NodeJS.ProcessEnv {
  return withStack(environment, readConnection(dataDir), role);
}

/**
 * Returns the environment, completed by the addresses and accounts of the local stack. If the environment names the
 * address of the local stack, the stack's account is used, because "sluice credentials --env" exports the address together
 * with the account of the user's own programs.
 *
 * @param stack undefined if none was started. Pure.
 */
export function withStack(
  environment: NodeJS.ProcessEnv,
  stack: StackConnection | undefined,
  role: string,
): NodeJS.ProcessEnv {
  if (!stack) return environment;
  const kafka = environment["SLUICE_KAFKA_BROKERS"] || stack.addresses.kafka;
  const registry = environment["SLUICE_REGISTRY_URL"] || stack.addresses.registry;
  const accounts = {
    kafka: kafka === stack.addresses.kafka ? stack.accounts.kafka : null,
    registry: registry === stack.addresses.registry ? stack.accounts.registry : null,
  };
  return connectedEnvironment(environment, { kafka, registry }, accounts, role);
}
