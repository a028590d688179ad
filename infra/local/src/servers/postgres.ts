import {
  chownSync,
  copyFileSync,
  existsSync,
  renameSync,
  rmSync,
  writeFileSync,
  chmodSync,
} from "node:fs";
import { join } from "node:path";
import { StackFault, throwIfInterrupted } from "../faults.ts";
import {
  accountStatements,
  ClusterAccounts,
  DATABASE,
  type LedgerAccounts,
  LEDGER_SERVICE,
  SUPERUSER,
} from "./postgres-accounts.ts";
import { makePrivate, type PostgresHome } from "./postgres-home.ts";
import { type Program, STOP_GRACE_MS } from "../supervise/program.ts";
import { run } from "../supervise/run.ts";
import type { Account, StackSecurity } from "./security.ts";
import { exchange } from "./wire.ts";

/** Version 3.0 of PostgreSQL's protocol, as two 16-bit numbers. */
const PROTOCOL_VERSION = 196_608;
/** The SQLSTATE with which the server refuses a connection that no rule allows. */
const NOT_PERMITTED = "28000";
const AUTHENTICATION = "R".charCodeAt(0);

export interface PostgresOptions extends PostgresHome {
  readonly port: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Not used if the stack has accounts of its own. */
  readonly accounts: LedgerAccounts;
  /** Stops a server that an earlier launcher left running. */
  readonly stop: () => Promise<void>;
  readonly security?: StackSecurity | undefined;
}

/**
 * Returns the program of the ledger's database. Creates the cluster, the database and its accounts first if they do
 * not exist. A cluster of an earlier version, which trusted every local connection, gets the accounts here.
 */
export async function postgresProgram(
  options: PostgresOptions,
  signal: AbortSignal,
): Promise<Program> {
  if (!existsSync(join(options.dataDir, "PG_VERSION"))) await createCluster(options, signal);
  if (!options.security) await ensureAccounts(options, signal);
  return {
    name: "postgres",
    command: join(options.binDir, "postgres"),
    args: [
      ["-D", options.dataDir],
      ["-c", "listen_addresses=127.0.0.1"],
      ["-c", `port=${options.port}`],
      // PostgreSQL would otherwise leave a socket in the system's temporary folder.
      ["-c", "unix_socket_directories="],
      // This is enough for six services, concurrent tests and a console.
      ["-c", "max_connections=200"],
      options.security ? ["-c", "ssl=on"] : [],
    ].flat(),
    environment: options.environment,
    address: postgresAddress(options.port),
    ...(options.runAs === undefined ? {} : { runAs: options.runAs }),
    // SIGINT is the fast shutdown: it ends sessions instead of waiting for them.
    stopSignal: "SIGINT",
    stopGraceMs: STOP_GRACE_MS,
    adoptable: true,
    // After a kill, PostgreSQL exits with "postmaster.pid already exists" until the dead process is reaped.
    startAttempts: 8,
    isReady: () =>
      options.security
        ? isRefusingPlaintext("127.0.0.1", options.port)
        : isPostgresReady("127.0.0.1", options.port),
  };
}

/** Returns the address, with an account if one is given. */
export function postgresAddress(port: number, account?: Account): string {
  const login = account ? `${account.name}:${account.password}@` : "";
  return `postgres://${login}127.0.0.1:${port}/${DATABASE}`;
}

async function ensureAccounts(options: PostgresOptions, signal: AbortSignal): Promise<void> {
  const accounts = new ClusterAccounts(options.dataDir, options.accounts, options.runAs);
  if (accounts.areCurrent) return;
  // A running server of an earlier version trusts everyone, and locks the cluster.
  await options.stop();
  accounts.writeAccessRules();
  await runStatements(options, signal, DATABASE, accountStatements(options.accounts));
  accounts.record();
}

/** Runs statements, one in each line, as the superuser and without a server. The passwords are not logged. */
async function runStatements(
  options: PostgresOptions,
  signal: AbortSignal,
  database: string,
  statements: string,
  dataDir = options.dataDir,
): Promise<void> {
  const settings = ["log_min_error_statement=panic", "log_line_prefix="];
  const args = ["--single", "-D", dataDir, ...settings.flatMap((text) => ["-c", text]), database];
  await runTool(options, signal, "postgres", args, statements);
}

/** Creates the cluster by one rename at the end, so that an interrupted start begins again with an empty folder. */
async function createCluster(options: PostgresOptions, signal: AbortSignal): Promise<void> {
  const draft = `${options.dataDir}.new`;
  rmSync(draft, { recursive: true, force: true });
  makePrivate(draft, options.runAs);
  await runTool(options, signal, "initdb", [
    "-D",
    draft,
    ...`-U ${SUPERUSER} -A trust -E UTF8 --no-locale`.split(" "),
    // An interrupted cluster is created again, so it does not have to be on the disk before the next step.
    "--no-sync",
  ]);
  const create = options.security
    ? ownedDatabase(options.security)
    : `CREATE DATABASE ${DATABASE};\n`;
  if (options.security) requireTls(draft, options.security, options);
  await runStatements(options, signal, "postgres", create, draft);
  renameSync(draft, options.dataDir);
}

function ownedDatabase({ ledger: { owner, others } }: StackSecurity): string {
  const roles = [owner, ...others].map(
    ({ name, password }) => `CREATE ROLE ${name} LOGIN PASSWORD '${password}';`,
  );
  const database = `CREATE DATABASE ${DATABASE} OWNER ${owner.name};`;
  return [...roles, database, `REVOKE CONNECT ON DATABASE ${DATABASE} FROM PUBLIC;`, ""].join("\n");
}

/** Makes the server require TLS and a password for every connection, also from this machine. */
function requireTls(folder: string, { files }: StackSecurity, { runAs }: PostgresOptions): void {
  writeFileSync(join(folder, "pg_hba.conf"), "hostssl all all 127.0.0.1/32 scram-sha-256\n");
  for (const [source, name] of [
    [files.cert, "server.crt"],
    [files.key, "server.key"],
  ] as const) {
    const target = join(folder, name);
    copyFileSync(source, target);
    // PostgreSQL refuses to start if others can read the key.
    chmodSync(target, 0o600);
    if (runAs) chownSync(target, runAs.uid, runAs.gid);
  }
}

async function runTool(
  options: PostgresOptions,
  signal: AbortSignal,
  tool: string,
  args: readonly string[],
  input = "",
): Promise<void> {
  const { status, output } = await run(join(options.binDir, tool), args, {
    environment: options.environment,
    // The user that runs the tool may not have access to the launcher's working directory.
    cwd: options.binDir,
    runAs: options.runAs,
    input,
    signal,
  });
  throwIfInterrupted(signal);
  if (status === 0 && !/^(FATAL|ERROR|PANIC)/m.test(output)) return;
  throw new StackFault("STACK_PROGRAM_FAILED", `PostgreSQL's ${tool} failed.\n${output}`);
}

/** Returns whether the server accepts a session on our database. Before it is ready, it answers "starting up". */
export async function isPostgresReady(host: string, port: number): Promise<boolean> {
  const answer = await exchange(host, port, [startupMessage()], (received) => received.length > 0);
  return answer?.[0] === AUTHENTICATION;
}

/**
 * Returns whether a server that requires TLS is ready: it then refuses a connection without TLS. Before
 * that, it answers "starting up".
 */
async function isRefusingPlaintext(host: string, port: number): Promise<boolean> {
  const answer = await exchange(host, port, [startupMessage()], (received) => received.length > 0);
  return answer?.includes(NOT_PERMITTED) === true;
}

function startupMessage(): Buffer {
  const parameters = ["user", LEDGER_SERVICE, "database", DATABASE]
    .map((text) => `${text}\0`)
    .join("");
  const body = Buffer.from(`${parameters}\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(head.length + body.length, 0);
  head.writeInt32BE(PROTOCOL_VERSION, 4);
  return Buffer.concat([head, body]);
}
