import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StackFault } from "../faults.ts";
import { type Program, STOP_GRACE_MS } from "../supervise/program.ts";
import { run } from "../supervise/run.ts";
import { isOwnListener } from "./own-listener.ts";
import type { StackSecurity } from "./security.ts";
import { exchange } from "./wire.ts";

/** The atomic steps are Redis functions, which exist since version 7. */
export const REDIS_MAJOR_MIN = 7;
const DEFAULT_PORT = 6379;

/** The server of the requests' state, and that of the response cache. */
export type RedisPart = "redis" | "cache-redis";
export const redisParts: readonly RedisPart[] = ["redis", "cache-redis"];

/**
 * The limits keep a laptop responsive. The state needs about 300 bytes for each request of three days
 * and 2 KB for each retained answer.
 */
const memoryArguments: Readonly<Record<RedisPart, readonly (readonly string[])[]>> = {
  redis: [
    // Every acknowledged write survives a kill of the process, because Redis writes its log before it answers.
    ["--appendonly", "yes", "--save", ""],
    // Redis must not evict claims and reservations.
    ["--maxmemory-policy", "noeviction", "--maxmemory", "1gb"],
  ],
  "cache-redis": [
    // The cache begins empty after a restart, and evicts what was not used for longest.
    ["--appendonly", "no", "--save", ""],
    ["--maxmemory-policy", "allkeys-lru", "--maxmemory", "256mb"],
  ],
};

export interface RedisOptions {
  readonly part: RedisPart;
  readonly command: string;
  readonly port: number;
  readonly dataDir: string;
  readonly environment: Readonly<Record<string, string>>;
  /** The password of the default user. Not used if the stack has accounts of its own. */
  readonly password: string;
  readonly security?: StackSecurity | undefined;
}

export function redisProgram(options: RedisOptions): Program {
  const { part, port, security } = options;
  const folder = join(options.dataDir, part);
  mkdirSync(folder, { recursive: true });
  const address = redisAddress(port, security);
  const aclFile = writeUsers(folder, options);
  return {
    name: part,
    command: options.command,
    args: [
      ["--bind", "127.0.0.1", "--dir", folder],
      security ? tlsArguments(port, security) : ["--port", String(port)],
      ["--aclfile", aclFile],
      ...memoryArguments[part],
    ].flat(),
    environment: options.environment,
    address,
    stopSignal: "SIGTERM",
    stopGraceMs: STOP_GRACE_MS,
    adoptable: true,
    startAttempts: 3,
    isReady: () => isRedisReady(port, () => majorOf(options, address)),
  };
}

/**
 * Returns whether the Redis on this port of the launcher is ready. The question contains its password, so it is only
 * sent to a process of our own account.
 */
export async function isRedisReady(port: number, major: () => Promise<number>): Promise<boolean> {
  return isOwnListener(port) && (await major()) >= REDIS_MAJOR_MIN;
}

function majorOf({ part, password, security }: RedisOptions, address: string): Promise<number> {
  if (!security) return redisMajor(withPassword(address, password));
  const account = security.redis[part];
  const login = `//${account.name}:${account.password}@`;
  return redisMajor(address.replace("//", login), security.files.ca);
}

/** Returns the address with the password of the default user. */
export function withPassword(address: string, password: string): string {
  return address.replace("//", `//:${password}@`);
}

/** Returns the address without an account. */
export function redisAddress(port: number, security?: StackSecurity): string {
  return `${security ? "rediss" : "redis"}://127.0.0.1:${port}`;
}

/**
 * Writes the users of the server. The file contains hashes only, and the arguments of the process, which every
 * account of the machine can see, contain neither.
 *
 * @returns the path of the file
 */
function writeUsers(folder: string, { part, password, security }: RedisOptions): string {
  const file = join(folder, "users.acl");
  const account = security?.redis[part];
  const users = account
    ? [
        "user default off",
        `user ${account.name} on #${hashOf(account.password)} ~* &* +@all -@admin -@dangerous +info`,
      ]
    : [`user default on #${hashOf(password)} ~* &* +@all`];
  writeFileSync(file, `${users.join("\n")}\n`, { mode: 0o600 });
  return file;
}

function hashOf(password: string): string {
  return createHash("sha256").update(password).digest("hex");
}

function tlsArguments(port: number, { files }: StackSecurity): readonly string[] {
  return [
    ["--port", "0", "--tls-port", String(port), "--tls-auth-clients", "no"],
    ["--tls-cert-file", files.cert, "--tls-key-file", files.key, "--tls-ca-cert-file", files.ca],
  ].flat();
}

/** Returns the Redis or Valkey on PATH, or undefined if there is none of version 7 or later. */
export async function redisOnPath(
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string | undefined> {
  return firstRecent(["redis-server", "valkey-server"], environment, signal);
}

/**
 * Returns the downloaded binary for this machine.
 *
 * @throws StackFault `STACK_REDIS_MISSING` if there is none that runs here.
 */
export async function packagedRedis(
  folder: string,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string> {
  const suffix = `-${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}`;
  const files = existsSync(folder) ? readdirSync(folder) : [];
  const binaries = files.filter((name) => name.endsWith(suffix)).map((name) => join(folder, name));
  const found = await firstRecent(binaries, environment, signal);
  if (found !== undefined) return found;
  throw new StackFault(
    "STACK_REDIS_MISSING",
    `Redis ${REDIS_MAJOR_MIN} or later was not found on this machine. Install redis-server or valkey-server, or set SLUICE_REDIS_URL and SLUICE_CACHE_REDIS_URL.`,
  );
}

async function firstRecent(
  commands: readonly string[],
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const command of commands) {
    const { output } = await run(command, ["--version"], { environment, signal });
    if (Number(/ v=(\d+)/.exec(output)?.[1] ?? 0) >= REDIS_MAJOR_MIN) return command;
  }
  return undefined;
}

/**
 * Returns the major version of the server at `redis://[user:password@]host[:port]`, or 0 if no Redis answers.
 *
 * @param caFile the certificate authority of a server that requires TLS
 */
export async function redisMajor(address: string, caFile?: string): Promise<number> {
  const url = new URL(address);
  const login = [url.username, url.password].filter(Boolean).map(decodeURIComponent).join(" ");
  const commands = [...(login === "" ? [] : [`AUTH ${login}`]), "INFO server"];
  const answer = await exchange(
    url.hostname,
    Number(url.port || DEFAULT_PORT),
    commands.map((command) => Buffer.from(`${command}\r\n`)),
    (received) => /^[-+].*\r\n|process_id/.test(received.toString()),
    caFile,
  );
  return Number(/redis_version:(\d+)/.exec(answer?.toString() ?? "")?.[1] ?? 0);
}
