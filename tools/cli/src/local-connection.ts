import {
  type AccountPart,
  ADMIN,
  connectedEnvironment,
  isOwnListener,
  readConnection,
  type StackConnection,
} from "@sluice/local-stack";
import { notOwnListener } from "./no-stack.ts";

/** The account of each part of the local stack to use. */
export type Roles = Readonly<Record<AccountPart, string>>;

/** The accounts that may do everything. */
export const administrators: Roles = { kafka: ADMIN, registry: ADMIN };

/**
 * Returns the environment, completed by the addresses and accounts of the local stack that runs in a data directory.
 *
 * @throws TransientFault `CLI_NO_STACK` if another account of the machine listens on the registry's port, because the
 *   registry's password is sent in the clear. Kafka's is not sent at all.
 */
export function withLocalStack(
  environment: NodeJS.ProcessEnv,
  dataDir: string,
  roles: Roles,
): NodeJS.ProcessEnv {
  const stack = readConnection(dataDir);
  const connected = withStack(environment, stack, roles);
  const address = connected["SLUICE_REGISTRY_URL"];
  const isOurs = stack?.accounts.registry && address === stack.addresses.registry;
  if (isOurs && !isOwnListener(Number(new URL(address).port))) throw notOwnListener(address);
  return connected;
}

/**
 * Returns the environment, completed by the addresses and accounts of the local stack. If the environment names the
 * address of the local stack, the stack's account is used, because "sluice credentials --env" exports the address together
 * with the account of the user's own programs.
 *
 * @param stack undefined if none is running. Pure.
 */
export function withStack(
  environment: NodeJS.ProcessEnv,
  stack: StackConnection | undefined,
  roles: Roles,
): NodeJS.ProcessEnv {
  if (!stack) return environment;
  const kafka = environment["SLUICE_KAFKA_BROKERS"] || stack.addresses.kafka;
  const registry = environment["SLUICE_REGISTRY_URL"] || stack.addresses.registry;
  const accounts = {
    kafka: kafka === stack.addresses.kafka ? stack.accounts.kafka : null,
    registry: registry === stack.addresses.registry ? stack.accounts.registry : null,
  };
  return connectedEnvironment(environment, { kafka, registry }, accounts, roles);
}
