import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { externalAddress } from "../external.ts";
import { StackFault } from "../faults.ts";
import { serviceNames } from "../services.ts";
import type { StackState } from "../state-file.ts";
import { registrySocketOf } from "./registry-front-program.ts";
import {
  type AccountPart,
  accountParts,
  ensurePartAccounts,
  knownPartAccounts,
  type PartAccounts,
  type StackAccounts,
  tenantRoleOf,
} from "./stack-accounts.ts";

/** The file that marks a data directory whose Kafka and registry require accounts. */
function markerOf(dataDir: string): string {
  return join(dataDir, "accounts");
}

/** Returns whether Kafka and the registry of the data directory require accounts. */
export function hasAccounts(dataDir: string): boolean {
  return existsSync(markerOf(dataDir));
}

/**
 * Records that Kafka and the registry of the data directory require accounts, also at later starts. It is a file of its
 * own, so that a start after the loss of the state file does not open them.
 *
 * @throws StackFault `STACK_ACCOUNTS_UNUSED` if the environment replaces both, and `STACK_DIRECTORY_UNWRITABLE` if the
 * directory's path is too long for the registry's socket
 */
export function rememberAccounts(dataDir: string, environment: NodeJS.ProcessEnv): void {
  if (accountParts.every((part) => externalAddress(part, environment) !== undefined)) {
    throw new StackFault(
      "STACK_ACCOUNTS_UNUSED",
      "--accounts creates accounts on the Kafka and the registry that Sluice starts, but SLUICE_KAFKA_BROKERS and SLUICE_REGISTRY_URL name your own. Omit --accounts and set SLUICE_KAFKA_SASL_USERNAME and SLUICE_REGISTRY_USERNAME, or unset one of the addresses.",
    );
  }
  if (externalAddress("registry", environment) === undefined) registrySocketOf(dataDir);
  writeFileSync(
    markerOf(dataDir),
    "Kafka and the registry require accounts. Without this file, the next start opens them to every account of the machine.\n",
  );
}

/**
 * Returns the accounts of the parts of a stack that is starting. The first call generates their passwords.
 *
 * @param isRequired whether Kafka and the registry that the launcher starts require accounts
 * @param external the parts that the environment replaces
 * @param tenants those that have their own topics
 */
export function accountsOf(
  dataDir: string,
  isRequired: boolean,
  external: readonly string[],
  tenants: readonly string[] = [],
): StackAccounts {
  return accountsWith(ensurePartAccounts, dataDir, isRequired, { external, tenants });
}

/** Returns the accounts of the parts of a stack that was started, from its state. Generates no password. */
export function accountsInUse(dataDir: string, state: StackState): StackAccounts {
  const { accounts, external, tenants = [] } = state;
  return accountsWith(knownPartAccounts, dataDir, accounts === true, { external, tenants });
}

function accountsWith(
  accountsFor: typeof ensurePartAccounts,
  dataDir: string,
  isRequired: boolean,
  {
    external,
    tenants,
  }: { readonly external: readonly string[]; readonly tenants: readonly string[] },
): StackAccounts {
  const roles = [...serviceNames, ...tenants.map(tenantRoleOf)];
  const ofPart = (part: AccountPart): PartAccounts | null =>
    isRequired && !external.includes(part) ? accountsFor(dataDir, part, roles) : null;
  return { kafka: ofPart("kafka"), registry: ofPart("registry") };
}
