import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StackFault } from "./faults.ts";
import type { Ports } from "./ports.ts";
import type { ProcessIdentity } from "./supervise/processes.ts";

const VERSION = 1;

/** A process of this stack, as the next launcher finds it. */
export interface RecordedProgram extends ProcessIdentity {
  /** Of command, arguments and environment: an orphan with another one is not adopted. */
  readonly fingerprint: string;
  readonly stopSignal: NodeJS.Signals;
}

export interface Addresses {
  /** `host:port`, more than one parted by commas. */
  readonly kafka: string;
  /** Base URL of the Confluent-compatible API. */
  readonly registry: string;
  readonly redis: string;
  readonly cacheRedis: string;
  readonly ledger: string;
}

export interface StackState {
  readonly version: typeof VERSION;
  readonly ports: Ports;
  readonly freePorts: boolean;
  readonly addresses: Addresses | null;
  /** Parts that the environment replaces: not ours to start or stop. */
  readonly external: readonly string[];
  /** Of the pipeline on these parts, once it is configured. */
  readonly demoKey: string | null;
  /** By name; null where it is stopped. */
  readonly programs: Readonly<Record<string, RecordedProgram | null>>;
  /** Set when everything that was asked for has been ready once; the launcher is then supervising. */
  readonly complete: boolean;
}

export function stateFileOf(dataDir: string): string {
  return join(dataDir, "state.json");
}

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

/** Whole or not at all: a launcher killed here leaves the former state. */
export function writeState(dataDir: string, state: StackState): void {
  const file = stateFileOf(dataDir);
  const draft = `${file}.${process.pid}.new`;
  writeFileSync(draft, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

/** Written whole by one version, so its number says all. */
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
    `${file} was not written by this version: stop what it names, then remove it.`,
    { cause },
  );
}
