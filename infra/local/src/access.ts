import { launcherOf } from "./local-stack.ts";
import { readSecret } from "./secrets.ts";
import { defaultPorts } from "./ports.ts";
import { kafkaAddress } from "./servers/kafka.ts";
import { registryAddress } from "./servers/registry.ts";
import type { Account } from "./servers/security.ts";
import { httpAddress, simulatorAddress } from "./services.ts";
import { accountsInUse } from "./accounts/remembered.ts";
import {
  type AccountPart,
  accountParts,
  accountVariablesOf,
  ADMIN,
  CLIENT,
  connectionVariables,
  type PartAccounts,
  type StackAccounts,
  tenantRoleOf,
} from "./accounts/stack-accounts.ts";
import { type Addresses, readState, type StackState } from "./state-file.ts";

/** How a person connects to a server of the running stack. */
export interface ServerAccess {
  /** The whole address, with user and password. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Empty if the server has none. */
  readonly user: string;
  readonly password: string;
}

/** How a person connects to Kafka, or to the registry. */
export interface TopicsAccess {
  /** `host:port` of the brokers, or the address of the registry. */
  readonly address: string;
  /** The account of the user's own programs; null if the server is open, or is the user's own. */
  readonly client: Account | null;
  /** The account that may do everything. */
  readonly admin: Account | null;
}

/** How the programs of a tenant that has its own topics connect. */
export interface TenantPrograms {
  readonly tenant: string;
  /** Null if the server is open, or is the user's own. */
  readonly kafka: Account | null;
  readonly registry: Account | null;
  /** The variables of such a program. It brings its own API key. */
  readonly environment: Readonly<Record<string, string>>;
  /** The variables that such a program must not have. */
  readonly unset: readonly string[];
}

/** The output of `sluice credentials --json`. It is secret. */
export interface StackAccess {
  /** PostgreSQL, with the account of the cost accountant. */
  readonly ledger: ServerAccess & { readonly database: string };
  /** PostgreSQL, with the account that owns the tables; null if the server is the user's own. */
  readonly ledgerOwner: (ServerAccess & { readonly database: string }) | null;
  readonly redis: ServerAccess;
  readonly cacheRedis: ServerAccess;
  readonly kafka: TopicsAccess;
  readonly registry: TopicsAccess;
  /** The tenants that have their own topics. */
  readonly tenants: readonly TenantPrograms[];
  /** The variables with which a program of the user, such as those in examples/, connects to the stack. */
  readonly environment: Readonly<Record<string, string>>;
  /** The variables that such a program must not have, because the stack has no value for them. */
  readonly unset: readonly string[];
  /** The provider simulator, with the key of the routes that control it; null if it does not run. */
  readonly simulator: { readonly url: string; readonly controlKey: string } | null;
  /** The API key of the demo tenant; null if there is none. */
  readonly demoKey: string | null;
}

/**
 * The addresses that the examples use if no variable names others. A shell that exports them would have `sluice up` use
 * them as the addresses of the user's own servers.
 */
export const usualAddresses: Readonly<Record<string, string>> = {
  SLUICE_KAFKA_BROKERS: kafkaAddress(defaultPorts.kafka),
  SLUICE_REGISTRY_URL: registryAddress(defaultPorts.registry),
  SLUICE_BASE_URL: `${httpAddress(defaultPorts)}/v1`,
};

/** The addresses of a stack and the accounts of its Kafka and registry. */
export interface StackConnection {
  readonly addresses: Pick<Addresses, AccountPart>;
  readonly accounts: StackAccounts;
}

/**
 * Returns the addresses and accounts of the running stack, or undefined if none is running: another process may listen on
 * the ports of a stack that was stopped, and must not receive its passwords.
 */
export function readConnection(dataDir: string): StackConnection | undefined {
  const state = readState(dataDir);
  if (!state?.addresses || launcherOf(dataDir) === undefined) return undefined;
  return { addresses: state.addresses, accounts: accountsInUse(dataDir, state) };
}

/** Returns the addresses of the running stack with their passwords, or undefined if none is running. */
export function readAccess(dataDir: string): StackAccess | undefined {
  const state = readState(dataDir);
  if (!state?.addresses || launcherOf(dataDir) === undefined) return undefined;
  const { ledger, ledgerOwner, redis, cacheRedis } = state.addresses;
  const accounts = accountsInUse(dataDir, state);
  const { addresses } = state;
  const environment = {
    ...environmentOf(state, addresses, accounts, CLIENT),
    ...(state.demoKey === null ? {} : { SLUICE_API_KEY: state.demoKey }),
  };
  return {
    ledger: databaseIn(ledger),
    // The state of an earlier version, whose stack still runs, has no owner.
    ledgerOwner: ledgerOwner ? databaseIn(ledgerOwner) : null,
    redis: serverIn(redis),
    cacheRedis: serverIn(cacheRedis),
    kafka: topicsAccess(state.addresses.kafka, accounts.kafka),
    registry: topicsAccess(state.addresses.registry, accounts.registry),
    tenants: (state.tenants ?? []).map((tenant) => {
      const own = environmentOf(state, addresses, accounts, tenantRoleOf(tenant));
      return tenantPrograms(tenant, state, accounts, { ...own, SLUICE_TENANT: tenant });
    }),
    environment,
    unset: unsetOf(environment, [...programVariables(state.external), "SLUICE_API_KEY"]),
    simulator: simulatorOf(dataDir, state),
    demoKey: state.demoKey,
  };
}

function environmentOf(
  state: StackState,
  addresses: Addresses,
  accounts: StackAccounts,
  role: string,
): Readonly<Record<string, string>> {
  return {
    ...connectionVariables(addresses, accounts, role),
    ...(state.programs["ingress"] ? { SLUICE_BASE_URL: `${httpAddress(state.ports)}/v1` } : {}),
  };
}

/** Returns the variables that the stack decides: not the user's account of a server of their own. */
function programVariables(external: readonly string[]): readonly string[] {
  const own = accountParts.filter((part) => !external.includes(part));
  return [...Object.keys(usualAddresses), "SLUICE_TENANT", ...own.flatMap(accountVariablesOf)];
}

function unsetOf(
  environment: Readonly<Record<string, string>>,
  names: readonly string[],
): readonly string[] {
  return names.filter((name) => environment[name] === undefined);
}

/** The API key of a tenant's program is its own, so the shell keeps the one that it has. */
function tenantPrograms(
  tenant: string,
  { external }: StackState,
  accounts: StackAccounts,
  environment: Readonly<Record<string, string>>,
): TenantPrograms {
  const accountOn = (part: AccountPart) => accounts[part]?.get(tenantRoleOf(tenant)) ?? null;
  const unset = unsetOf(environment, programVariables(external));
  return { tenant, kafka: accountOn("kafka"), registry: accountOn("registry"), environment, unset };
}

function topicsAccess(address: string, accounts: PartAccounts | null): TopicsAccess {
  const accountOf = (role: string): Account | null => accounts?.get(role) ?? null;
  return { address, client: accountOf(CLIENT), admin: accountOf(ADMIN) };
}

function simulatorOf(dataDir: string, { programs, ports }: StackState): StackAccess["simulator"] {
  if (!programs["simulator"]) return null;
  const controlKey = readSecret(dataDir, "simulator-control-key");
  return controlKey === undefined ? null : { url: simulatorAddress(ports), controlKey };
}

function databaseIn(url: string): StackAccess["ledger"] {
  return { ...serverIn(url), database: decodeURIComponent(new URL(url).pathname.slice(1)) };
}

function serverIn(url: string): ServerAccess {
  const { hostname, port, username, password, protocol } = new URL(url);
  const usual = protocol.startsWith("postgres") ? 5432 : 6379;
  return {
    url,
    host: hostname,
    port: Number(port) || usual,
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  };
}
