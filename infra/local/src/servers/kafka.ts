import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { committedFile } from "../directories.ts";
import { StackFault, throwIfInterrupted } from "../faults.ts";
import { listenerSettings, scramArguments } from "./kafka-security.ts";
import { type Program, STOP_GRACE_MS } from "../supervise/program.ts";
import { run } from "../supervise/run.ts";
import type { StackSecurity } from "./security.ts";
import { exchange } from "./wire.ts";

const FIND_COORDINATOR = 10;
const SASL_HANDSHAKE = 17;
const SASL_AUTHENTICATE = 36;

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
  readonly security?: StackSecurity | undefined;
}

/**
 * Returns the program of one KRaft node, broker and controller in one process. Formats its storage first if
 * it is new.
 */
export async function kafkaProgram(options: KafkaOptions, signal: AbortSignal): Promise<Program> {
  const config = writeConfig(options);
  const common = [
    ...options.jvmArguments,
    `-Dlog4j2.configurationFile=${committedFile("log4j2.properties")}`,
    "-cp",
    classPathOf(options.home),
  ];
  if (!existsSync(join(logDirOf(options), "meta.properties"))) {
    await format(options, common, config, signal);
  }
  const { kafka } = options.ports;
  return {
    name: "kafka",
    command: options.java,
    args: [...common, "kafka.Kafka", config],
    environment: options.environment,
    address: `127.0.0.1:${kafka}`,
    stopSignal: "SIGTERM",
    stopGraceMs: STOP_GRACE_MS,
    adoptable: true,
    startAttempts: 2,
    isReady: () => isKafkaReady("127.0.0.1", kafka, options.security),
  };
}

function writeConfig(options: KafkaOptions): string {
  const folder = join(options.dataDir, "kafka");
  mkdirSync(folder, { recursive: true });
  const config = join(folder, "server.properties");
  const settings = [
    readFileSync(committedFile("server.properties"), "utf8"),
    ...listenerSettings({ ...options, folder }),
    `log.dirs=${logDirOf(options)}`,
  ];
  writeFileSync(config, `${settings.join("\n")}\n`, { mode: 0o600 });
  return config;
}

function logDirOf(options: KafkaOptions): string {
  return join(options.dataDir, "kafka", "log");
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
  args.push(...scramArguments(options.security));
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
 */
export async function isKafkaReady(
  host: string,
  port: number,
  security?: StackSecurity,
): Promise<boolean> {
  const frames = [frameOf(FIND_COORDINATOR, 0, textOf("warm-up"))];
  if (security) frames.unshift(...plainLogin(security.kafka.admin));
  const answer = await exchange(host, port, frames, isWhole, security?.files.ca);
  // The answer begins with 4 bytes of length, 4 of correlation id and 2 of error code.
  return answer !== undefined && answer.length >= 10 && answer.readInt16BE(8) === 0;
}

function plainLogin({ name, password }: StackSecurity["kafka"]["admin"]): readonly Buffer[] {
  const token = Buffer.from(`\0${name}\0${password}`);
  const length = Buffer.alloc(4);
  length.writeInt32BE(token.length);
  return [
    frameOf(SASL_HANDSHAKE, 1, textOf("PLAIN")),
    frameOf(SASL_AUTHENTICATE, 0, Buffer.concat([length, token])),
  ];
}

function frameOf(apiKey: number, version: number, body: Buffer): Buffer {
  const header = Buffer.concat([
    shortOf(apiKey),
    shortOf(version),
    Buffer.alloc(4), // correlation id
    shortOf(0), // no client id
  ]);
  const length = Buffer.alloc(4);
  length.writeInt32BE(header.length + body.length);
  return Buffer.concat([length, header, body]);
}

function textOf(text: string): Buffer {
  return Buffer.concat([shortOf(text.length), Buffer.from(text)]);
}

function shortOf(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function isWhole(answer: Buffer): boolean {
  return answer.length >= 4 && answer.length >= 4 + answer.readInt32BE(0);
}
