import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { committedFile } from "../directories.ts";
import { StackFault, throwIfInterrupted } from "../faults.ts";
import {
  ensureKafkaAccounts,
  forgetKafkaAccounts,
  hasKafkaAccounts,
  replaceKafkaAccounts,
} from "./kafka-accounts.ts";
import { brokerAccount, listenerSettings } from "./kafka-security.ts";
import { findCoordinator, isWholeAnswer, withScramLogin } from "./kafka-wire.ts";
import { type Program, STOP_GRACE_MS } from "../supervise/program.ts";
import { run } from "../supervise/run.ts";
import type { Account, KafkaAccounts } from "./security.ts";
import { exchange, type Frame } from "./wire.ts";

export interface JavaServerOptions {
  /** The folder of the unpacked download. */
  readonly home: string;
  readonly java: string;
  readonly jvmArguments: readonly string[];
  readonly dataDir: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface KafkaOptions extends JavaServerOptions {
  readonly ports: { readonly kafka: number; readonly controller: number };
  /** Not set: the broker accepts every connection on its port. */
  readonly accounts?: KafkaAccounts | undefined;
  /** Runs a program until it is ready for the first time, and stops it. */
  readonly runOnce?: (program: Program) => Promise<void>;
}

/**
 * Returns the program of one KRaft node, broker and controller in one process. Formats its storage first if it is new.
 * If storage that exists does not have the accounts, runs Kafka once before, to replace those that it has.
 */
export async function kafkaProgram(options: KafkaOptions, signal: AbortSignal): Promise<Program> {
  const { accounts } = options;
  const folder = folderOf(options);
  const isNew = !existsSync(join(logDirOf(options), "meta.properties"));
  if (!accounts) forgetKafkaAccounts(folder);
  else if (!isNew && !hasKafkaAccounts(folder, accounts))
    await options.runOnce?.(closedProgram(options, accounts));
  const broker = brokerAccount();
  const config = writeConfig(options, broker);
  if (isNew) await format(options, commonArguments(options), config, signal);
  const { ports } = options;
  return {
    ...programOf(options, config),
    adoptable: true,
    isReady: async () =>
      (!accounts || (await ensureKafkaAccounts(folder, ports, broker, accounts))) &&
      isKafkaReady("127.0.0.1", ports.kafka, accounts),
  };
}

/**
 * Returns Kafka as a program that admits the launcher only. It is ready when it has replaced its accounts. If it had
 * admitted clients as well, one with an earlier password could log in before that password is deleted, and Kafka does not
 * end such a connection.
 */
function closedProgram(options: KafkaOptions, accounts: KafkaAccounts): Program {
  const broker = brokerAccount();
  const { admin, users } = accounts;
  const config = writeConfig({ ...options, accounts: { admin, users } }, broker, true);
  return {
    ...programOf(options, config),
    adoptable: false,
    isReady: () => replaceKafkaAccounts(folderOf(options), options.ports, broker, accounts),
  };
}

function programOf(options: KafkaOptions, config: string): Omit<Program, "adoptable" | "isReady"> {
  return {
    name: "kafka",
    command: options.java,
    args: [...commonArguments(options), "kafka.Kafka", config],
    environment: options.environment,
    address: kafkaAddress(options.ports.kafka),
    stopSignal: "SIGTERM",
    stopGraceMs: STOP_GRACE_MS,
    startAttempts: 2,
  };
}

function commonArguments({ jvmArguments, home }: KafkaOptions): readonly string[] {
  return [
    ...jvmArguments,
    `-Dlog4j2.configurationFile=${committedFile("log4j2.properties")}`,
    "-cp",
    classPathOf(home),
  ];
}

export function kafkaAddress(port: number): string {
  return `127.0.0.1:${port}`;
}

function writeConfig(options: KafkaOptions, broker: Account, isClosed = false): string {
  const folder = folderOf(options);
  mkdirSync(folder, { recursive: true });
  const config = join(folder, "server.properties");
  const settings = [
    readFileSync(committedFile("server.properties"), "utf8"),
    ...listenerSettings({ ...options, folder, broker, isClosed }),
    `log.dirs=${logDirOf(options)}`,
  ];
  writeFileSync(config, `${settings.join("\n")}\n`, { mode: 0o600 });
  return config;
}

function folderOf({ dataDir }: KafkaOptions): string {
  return join(dataDir, "kafka");
}

function logDirOf(options: KafkaOptions): string {
  return join(folderOf(options), "log");
}

function classPathOf(home: string): string {
  const jars = readdirSync(home).toSorted();
  return jars.map((jar) => join(home, jar)).join(delimiter);
}

async function format(
  options: KafkaOptions,
  common: readonly string[],
  config: string,
  signal: AbortSignal,
): Promise<void> {
  // 16 bytes in base64url; a leading dash would read as an option.
  const clusterId = `A${randomBytes(16).toString("base64url").slice(1)}`;
  const args = ["format", "--standalone", "--ignore-formatted", "-t", clusterId, "-c", config];
  // The class-data archive must be recorded from the broker and not from this tool.
  const plain = common.filter((argument) => !argument.includes("ArchiveClassesAtExit"));
  const { status, output } = await run(
    options.java,
    [...plain, "kafka.tools.StorageTool", ...args],
    { environment: options.environment, signal },
  );
  throwIfInterrupted(signal);
  if (status === 0) return;
  throw new StackFault(
    "STACK_PROGRAM_FAILED",
    `Kafka could not format its storage in ${logDirOf(options)}. If the storage is damaged, remove the data directory.\n${output}`,
  );
}

/**
 * Returns whether a group coordinator answers. An open port would only show that the JVM is running.
 * The query also creates the offsets topic. Without that topic, the first consumer of a new broker
 * crashes with "coordinator is loading".
 *
 * @param accounts of a broker that has any; the administrator asks
 */
export async function isKafkaReady(
  host: string,
  port: number,
  accounts?: KafkaAccounts | null,
): Promise<boolean> {
  const frames = coordinatorFrames(accounts);
  const answer = await exchange(host, port, frames, isWholeAnswer, accounts?.tls?.ca);
  // The answer begins with 4 bytes of length, 4 of correlation id and 2 of error code.
  return answer !== undefined && answer.length >= 10 && answer.readInt16BE(8) === 0;
}

function coordinatorFrames(accounts: KafkaAccounts | null | undefined): readonly Frame[] {
  return accounts ? withScramLogin(accounts.admin, findCoordinator()) : [findCoordinator()];
}
