import { ensureSecret, readSecret } from "../secrets.ts";
import type { Account, KafkaAccounts } from "../servers/security.ts";
import type { Addresses } from "../state-file.ts";

/** A part that requires accounts with `sluice up --accounts`. */
export type AccountPart = "kafka" | "registry";
export const accountParts: readonly AccountPart[] = ["kafka", "registry"];

/**
 * The accounts of one part: `admin` for the launcher and the command line, `client` for the user's own programs, one for
 * each service, by its name, and one for each tenant that has its own topics. Each has the name `sluice-<role>` and a
 * password of its own.
 */
export type PartAccounts = ReadonlyMap<string, Account>;

/** The accounts of the parts; null for a part that accepts every local client, or that is the user's own server. */
export type StackAccounts = Readonly<Record<AccountPart, PartAccounts | null>>;

export const openParts: StackAccounts = { kafka: null, registry: null };

export const ADMIN = "admin";
export const CLIENT = "client";

/** Returns the role of the programs of a tenant that has its own topics. */
export function tenantRoleOf(tenant: string): string {
  return `tenant-${tenant}`;
}

/** Returns the account's name on Kafka and on the registry, which provisioning uses too. */
export function accountNameOf(role: string): string {
  return `sluice-${role}`;
}

/**
 * Returns the accounts of a part. The first call for a data directory generates their passwords.
 *
 * @param roles those of services and tenants
 */
export function ensurePartAccounts(
  dataDir: string,
  part: AccountPart,
  roles: readonly string[],
): PartAccounts {
  return partAccounts(part, roles, (secret) => ensureSecret(dataDir, secret));
}

/** Returns the accounts of a part whose passwords the data directory has. Generates none. */
export function knownPartAccounts(
  dataDir: string,
  part: AccountPart,
  roles: readonly string[],
): PartAccounts {
  return partAccounts(part, roles, (secret) => readSecret(dataDir, secret));
}

function partAccounts(
  part: AccountPart,
  further: readonly string[],
  passwordOf: (secret: string) => string | undefined,
): PartAccounts {
  const roles = [ADMIN, CLIENT, ...further];
  return new Map(
    roles.flatMap((role) => {
      const name = accountNameOf(role);
      // The registry receives passwords themselves, and Kafka does not, so no password is used for both.
      const password = passwordOf(`${part}-${name}-password`);
      return password === undefined ? [] : [[role, { name, password }] as const];
    }),
  );
}

/** Returns the accounts as the broker receives them. @throws TypeError if there is no administrator */
export function brokerAccountsIn(accounts: PartAccounts): KafkaAccounts {
  const admin = accounts.get(ADMIN);
  if (!admin) throw new TypeError("The accounts have no administrator.");
  return { admin, users: [...accounts.values()].filter((account) => account !== admin) };
}

/** The user's variables for servers of their own, which do not apply to a part that has accounts of its own. */
const userVariables: Readonly<Record<AccountPart, readonly string[]>> = {
  kafka: [
    "SLUICE_KAFKA_SASL_MECHANISM",
    "SLUICE_KAFKA_SASL_USERNAME",
    "SLUICE_KAFKA_SASL_PASSWORD",
    "SLUICE_KAFKA_SASL_PASSWORD_FILE",
    "SLUICE_KAFKA_TLS",
    "SLUICE_KAFKA_TLS_CA_FILE",
    "SLUICE_KAFKA_TLS_CERT_FILE",
    "SLUICE_KAFKA_TLS_KEY_FILE",
    "SLUICE_KAFKA_TLS_SERVER_NAME",
  ],
  registry: [
    "SLUICE_REGISTRY_USERNAME",
    "SLUICE_REGISTRY_PASSWORD",
    "SLUICE_REGISTRY_PASSWORD_FILE",
    "SLUICE_REGISTRY_TOKEN",
    "SLUICE_REGISTRY_TOKEN_FILE",
    "SLUICE_REGISTRY_TLS_CA_FILE",
  ],
};

/** Returns the variables of the user that must not reach a program, because the parts have accounts of their own. */
export function replacedVariables(accounts: StackAccounts): readonly string[] {
  return accountParts.flatMap((part) => (accounts[part] ? userVariables[part] : []));
}

/** The role of a program, or a role for each part. */
export type Roles = string | Readonly<Record<AccountPart, string>>;

/** Returns the variables with an account of the stack, as {@link connectionVariables} sets them. */
export function accountVariablesOf(part: AccountPart): readonly string[] {
  return part === "kafka"
    ? ["SLUICE_KAFKA_SASL_MECHANISM", "SLUICE_KAFKA_SASL_USERNAME", "SLUICE_KAFKA_SASL_PASSWORD"]
    : ["SLUICE_REGISTRY_USERNAME", "SLUICE_REGISTRY_PASSWORD"];
}

/** Returns the variables with which a program connects to Kafka and the registry in a role. Pure. */
export function connectionVariables(
  addresses: Pick<Addresses, AccountPart>,
  accounts: StackAccounts,
  roles: Roles,
): Readonly<Record<string, string>> {
  const roleOn = (part: AccountPart): string => (typeof roles === "string" ? roles : roles[part]);
  const kafka = accounts.kafka?.get(roleOn("kafka"));
  const registry = accounts.registry?.get(roleOn("registry"));
  return {
    SLUICE_KAFKA_BROKERS: addresses.kafka,
    ...(kafka && {
      SLUICE_KAFKA_SASL_MECHANISM: "scram-sha-512",
      SLUICE_KAFKA_SASL_USERNAME: kafka.name,
      SLUICE_KAFKA_SASL_PASSWORD: kafka.password,
    }),
    SLUICE_REGISTRY_URL: addresses.registry,
    ...(registry && {
      SLUICE_REGISTRY_USERNAME: registry.name,
      SLUICE_REGISTRY_PASSWORD: registry.password,
    }),
  };
}

/** Returns the user's environment with the addresses and accounts of the stack in it. Pure. */
export function connectedEnvironment(
  environment: NodeJS.ProcessEnv,
  addresses: Pick<Addresses, AccountPart>,
  accounts: StackAccounts,
  roles: Roles,
): NodeJS.ProcessEnv {
  const replaced = new Set(replacedVariables(accounts));
  const kept = Object.entries(environment).filter(([name]) => !replaced.has(name));
  return { ...Object.fromEntries(kept), ...connectionVariables(addresses, accounts, roles) };
}
