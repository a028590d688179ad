import {
  isRegistryFrontReady,
  REGISTRY_FRONT,
  registrySocketOf,
} from "./accounts/registry-front-program.ts";
import { accountsInUse } from "./accounts/remembered.ts";
import { ADMIN, brokerAccountsIn, type StackAccounts } from "./accounts/stack-accounts.ts";
import { isExternalReachable, type PartName, partNames, withoutPassword } from "./external.ts";
import { isKafkaReady } from "./servers/kafka.ts";
import { launcherOf } from "./local-stack.ts";
import { isPostgresReady } from "./servers/postgres.ts";
import { isAlive } from "./supervise/processes.ts";
import { isRedisReady, redisMajor } from "./servers/redis.ts";
import { isRegistryReachable } from "./servers/registry.ts";
import {
  adminAddress,
  adminPortNameOf,
  httpAddress,
  isAnswering,
  SIMULATOR,
  type ServiceName,
  serviceNames,
  simulatorAddress,
} from "./services.ts";
import { type Addresses, readState, type StackState } from "./state-file.ts";

/** The output of `sluice status --json`. Addresses are null before the first start. */
export interface StackStatus {
  readonly ready: boolean;
  readonly http: string | null;
  readonly kafka: string | null;
  readonly registry: string | null;
  readonly redis: string | null;
  readonly cacheRedis: string | null;
  readonly ledger: string | null;
  readonly simulator: string | null;
  readonly demoKey: string | null;
  /** Whether Kafka and the registry require accounts, if the stack starts them. */
  readonly accounts: boolean;
  readonly parts: readonly PartStatus[];
}

export interface PartStatus {
  readonly name: string;
  /** Process id; null if the part is not running, or if the environment replaces it. */
  readonly pid: number | null;
  readonly ready: boolean;
  /** Base address of the admin port, which only services have. */
  readonly admin: string | null;
}

/** Queries every part now. No earlier result is used. */
export async function readStatus(dataDir: string): Promise<StackStatus> {
  const state = readState(dataDir);
  if (!state) return neverStarted;
  const stack = { dataDir, state, accounts: accountsInUse(dataDir, state) };
  const parts = await Promise.all(namesOf(state).map((name) => partStatus(name, stack)));
  const isSupervised = launcherOf(dataDir) !== undefined;
  const { addresses, ports, demoKey } = state;
  const hasPipeline = parts.some(({ name }) => name === "ingress");
  return {
    ready: isSupervised && state.complete && parts.every(({ ready }) => ready),
    http: hasPipeline ? httpAddress(ports) : null,
    kafka: addresses?.kafka ?? null,
    registry: addresses?.registry ?? null,
    redis: addresses ? withoutPassword(addresses.redis) : null,
    cacheRedis: addresses ? withoutPassword(addresses.cacheRedis) : null,
    ledger: addresses ? withoutPassword(addresses.ledger) : null,
    simulator: hasPipeline ? simulatorAddress(ports) : null,
    demoKey,
    accounts: state.accounts === true,
    parts,
  };
}

const neverStarted: StackStatus = {
  ready: false,
  http: null,
  kafka: null,
  registry: null,
  redis: null,
  cacheRedis: null,
  ledger: null,
  simulator: null,
  demoKey: null,
  accounts: false,
  parts: [],
};

/** Returns the names in the order in which the launcher starts them, then others such as further instances. */
function namesOf(state: StackState): string[] {
  const names = partNames.flatMap((part) =>
    part === "registry" ? [part, REGISTRY_FRONT] : [part],
  );
  const known = [...names, SIMULATOR, ...serviceNames] as readonly string[];
  const recorded = new Set([...Object.keys(state.programs), ...state.external]);
  const others = [...recorded].filter((name) => !known.includes(name));
  return [...known.filter((name) => recorded.has(name)), ...others];
}

interface CheckedStack {
  readonly dataDir: string;
  readonly state: StackState;
  readonly accounts: StackAccounts;
}

async function partStatus(name: string, stack: CheckedStack): Promise<PartStatus> {
  const { state } = stack;
  const isExternal = state.external.includes(name);
  const record = state.programs[name] ?? undefined;
  const isRunning = isAlive(record);
  const service = isService(name) ? name : undefined;
  const ready = isExternal || isRunning ? await isReady(name, isExternal, stack) : false;
  return {
    name,
    pid: isRunning && !isExternal ? record.pid : null,
    ready,
    admin: service ? adminAddress(state.ports[adminPortNameOf(service)]) : null,
  };
}

async function isReady(name: string, isExternal: boolean, stack: CheckedStack): Promise<boolean> {
  const { addresses, ports } = stack.state;
  if (isPart(name)) {
    if (!addresses) return false;
    return isExternal
      ? isExternalReachable(name, addressOf(name, addresses))
      : isOwnPartReady(name, stack, addresses);
  }
  if (name === REGISTRY_FRONT) return isRegistryFrontReady(ports.registry, stack.accounts.registry);
  if (name === SIMULATOR) return isAnswering(`${simulatorAddress(ports)}/healthz`);
  // The state file does not record the admin port of a further instance, so a running process counts as ready.
  return isService(name)
    ? isAnswering(`${adminAddress(ports[adminPortNameOf(name)])}/readyz`)
    : true;
}

async function isOwnPartReady(
  part: PartName,
  { dataDir, state: { ports }, accounts }: CheckedStack,
  addresses: Addresses,
): Promise<boolean> {
  switch (part) {
    case "kafka":
      // The administrator's password is lost, so only a new start can replace it.
      if (accounts.kafka && !accounts.kafka.has(ADMIN)) return false;
      return isKafkaReady(
        "127.0.0.1",
        ports.kafka,
        accounts.kafka && brokerAccountsIn(accounts.kafka),
      );
    case "registry":
      return isRegistryReachable(
        addresses.registry,
        accounts.registry ? { socketPath: registrySocketOf(dataDir) } : {},
      );
    case "redis":
    case "cache-redis":
      return isRedisReady(ports[part], () => redisMajor(addressOf(part, addresses)));
    case "postgres":
      return isPostgresReady("127.0.0.1", ports.postgres);
    default:
      return part satisfies never;
  }
}

function addressOf(part: PartName, addresses: Addresses): string {
  if (part === "postgres") return addresses.ledger;
  return part === "cache-redis" ? addresses.cacheRedis : addresses[part];
}

function isPart(name: string): name is PartName {
  return (partNames as readonly string[]).includes(name);
}

function isService(name: string): name is ServiceName {
  return (serviceNames as readonly string[]).includes(name);
}
