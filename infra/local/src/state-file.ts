import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StackFault } from "./faults.ts";
import type { Ports } from "./ports.ts";
import type { ProcessIdentity } from "./supervise/processes.ts";

const VERSION = 1;

/** A process of this stack, recorded for the next launcher. */
export interface RecordedProgram extends ProcessIdentity {
  /**
   * Hash of command, arguments and environment. The next launcher does not adopt a process whose fingerprint
   * differs.
   */
  readonly fingerprint: string;
  readonly stopSignal: NodeJS.Signals;
  /** Absent in files of Sluice 0.1. */
  readonly stopGraceMs?: number;
}

export interface Addresses {
  /** One or more `host:port`, separated by commas. */
  readonly kafka: string;
  /** Base URL of the Confluent-compatible API. */
  readonly registry: string;
  readonly redis: string;
  readonly cacheRedis: string;
  readonly ledger: string;
  /**
   * The ledger with the account that creates its tables; null if the account in `ledger` does so itself, as that of a
   * server which the environment names.
   */
  readonly ledgerOwner: string | null;
}

export interface StackState {
  readonly version: typeof VERSION;
  readonly ports: Ports;
  readonly freePorts: boolean;
  readonly addresses: Addresses | null;
  /** Whether Kafka and the registry that the launcher started require accounts. Absent in files of Sluice 0.1. */
  readonly accounts?: boolean;
  /** The tenants that have their own topics, and accounts if Kafka requires any. Absent until a pipeline was started. */
  readonly tenants?: readonly string[];
  /** Parts that the environment replaces. The launcher neither starts nor stops them. */
  readonly external: readonly string[];
  /** The API key of the demo tenant; null until the pipeline is configured, or if the user has an own sluice.yaml. */
  readonly demoKey: string | null;
  /** Processes by name; null for one that is stopped. */
  readonly programs: Readonly<Record<string, RecordedProgram | null>>;
  /** Whether everything that was to be started has been ready once. The launcher supervises it from then on. */
  readonly complete: boolean;
}

export function stateFileOf(dataDir: string): string {
  return join(dataDir, "state.json");
}

/**
 * Reads the state of a data directory, or returns undefined if it has none.
 *
 * @throws StackFault `STACK_STATE_UNREADABLE`
 */
export function readState(dataDir: string): StackState | undefined {
  const file = stateFileOf(dataDir);
  if (!existsSync(file)) return undefined;
  try {
    const found: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (isState(found)) return found;
  } catch (cause) {
    throw unreadable(file, cause);
  }
  throw unreadable(file, undefined);
}

/** Writes the state by one rename, so that a launcher that is killed here leaves the previous state. */
export function writeState(dataDir: string, state: StackState): void {
  const file = stateFileOf(dataDir);
  const draft = `${file}.${process.pid}.new`;
  writeFileSync(draft, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

/** Checks the version only, because one version of this program writes the whole file. */
function isState(found: unknown): found is StackState {
  return (
    typeof found === "object" && found !== null && "version" in found && found.version === VERSION
  );
}

export function emptyState(ports: Ports, freePorts: boolean): StackState {
  return {
    version: VERSION,
    ports,
    freePorts,
    addresses: null,
    external: [],
    demoKey: null,
    programs: {},
    complete: false,
  };
}

function unreadable(file: string, cause: unknown): StackFault {
  return new StackFault(
    "STACK_STATE_UNREADABLE",
    `${file} was not written by this version of Sluice. Stop the processes that it lists, then remove it.`,
    { cause },
  );
}
