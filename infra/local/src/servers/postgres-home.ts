import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import type { Downloads } from "../downloads.ts";
import { StackFault, throwIfInterrupted } from "../faults.ts";
import { withLock } from "../supervise/lock.ts";
import type { UserIds } from "../supervise/program.ts";
import { run } from "../supervise/run.ts";

/**
 * The folders of PostgreSQL's programs and data, and the user that runs it.
 *
 * PostgreSQL refuses to run as root. If the launcher runs as root, PostgreSQL therefore runs as the system's
 * unprivileged user, and its programs and data are in a folder that this user can reach from the root directory
 * down. A checkout under /root is not such a folder. The data directory then contains only the id of its
 * database.
 */
export interface PostgresHome {
  readonly binDir: string;
  readonly dataDir: string;
  readonly runAs: UserIds | undefined;
}

const NOBODY: UserIds = { uid: 65_534, gid: 65_534 };
const VERSION_MIN = 17;

export function runsAsRoot(): boolean {
  return process.getuid?.() === 0;
}

export function postgresUser(): UserIds | undefined {
  return runsAsRoot() ? idsOfNobody() : undefined;
}

function idsOfNobody(): UserIds {
  if (!existsSync("/etc/passwd")) return NOBODY;
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith("nobody:"));
  const [, , uid, gid] = line?.split(":") ?? [];
  // macOS writes -2, which means the second highest unsigned number.
  return uid === undefined || gid === undefined
    ? NOBODY
    : { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 };
}

/** Returns the folder of this data directory's database. The first call creates the database's id. */
export function postgresDataDir(dataDir: string, environment: NodeJS.ProcessEnv): string {
  const folder = join(dataDir, "postgres");
  if (!runsAsRoot()) return join(folder, "data");
  const idFile = join(folder, "id");
  if (!existsSync(idFile)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(idFile, randomBytes(8).toString("hex"));
  }
  return join(sharedRoot(environment), "data", readFileSync(idFile, "utf8").trim());
}

/** Removes the database of a data directory that is about to be removed. The server must be stopped. */
export function removePostgresData(dataDir: string, environment: NodeJS.ProcessEnv): void {
  const hasId = existsSync(join(dataDir, "postgres", "id"));
  if (!hasId) return;
  const folder = postgresDataDir(dataDir, environment);
  rmSync(folder, { recursive: true, force: true });
  // An interrupted first start leaves this folder.
  rmSync(`${folder}.new`, { recursive: true, force: true });
}

/**
 * Returns `SLUICE_STATE_DIR`, or else the first system folder that can be created and reached. A folder
 * in a place where every user may write is used only if root owns it. Otherwise another user could
 * replace the programs in it.
 */
function sharedRoot(environment: NodeJS.ProcessEnv): string {
  const chosen = environment["SLUICE_STATE_DIR"];
  const candidates = chosen
    ? [chosen]
    : ["/var/lib/sluice", "/var/tmp/sluice", join(tmpdir(), "sluice")];
  const usable = candidates.find(isReachableByOthers);
  if (usable !== undefined) return usable;
  throw new StackFault(
    "STACK_DIRECTORY_UNWRITABLE",
    `PostgreSQL does not run as root, so it runs as another user and needs a folder that this user can reach. It cannot use ${candidates.join(", ")}. Set SLUICE_STATE_DIR to such a folder, or SLUICE_LEDGER_URL to a running PostgreSQL.`,
  );
}

function isReachableByOthers(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    if (statSync(folder).uid !== process.getuid?.()) return false;
    for (let path = folder; path !== dirname(path); path = dirname(path)) {
      if ((statSync(path).mode & 0o001) === 0) return false;
    }
    return true;
  } catch {
    return false;
  }
}

/** Creates a folder that only PostgreSQL's user may enter. */
export function makePrivate(folder: string, owner: UserIds | undefined): void {
  mkdirSync(dirname(folder), { recursive: true, mode: 0o755 });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  if (owner) chownSync(folder, owner.uid, owner.gid);
}

/**
 * Returns the folder of PostgreSQL's programs: the downloaded ones if they run on this machine, else
 * those on PATH.
 *
 * @throws StackFault `STACK_POSTGRES_MISSING` if none of them has version 17 or later.
 */
export async function findPostgres(
  downloads: Downloads,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string> {
  const packaged = await packagedBinDir(downloads, environment, signal);
  const onPath = (environment["PATH"] ?? "")
    .split(":")
    .filter((folder) => folder !== "" && existsSync(join(folder, "postgres")));
  for (const folder of [...(packaged === undefined ? [] : [packaged]), ...onPath]) {
    const { output } = await run(join(folder, "postgres"), ["--version"], { environment, signal });
    throwIfInterrupted(signal);
    if (Number(/\(PostgreSQL\) (\d+)/.exec(output)?.[1] ?? 0) >= VERSION_MIN) return folder;
  }
  throw new StackFault(
    "STACK_POSTGRES_MISSING",
    `PostgreSQL ${VERSION_MIN} or later was not found on this machine. Install it and put its "postgres" on PATH, or set SLUICE_LEDGER_URL.`,
  );
}

/** Unpacks the download once. Returns undefined on a machine for which no binaries are published. */
async function packagedBinDir(
  downloads: Downloads,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string | undefined> {
  const source = downloads.folderOf("postgres");
  const archive = existsSync(source)
    ? readdirSync(source).find((name) => name.endsWith(".txz"))
    : undefined;
  if (archive === undefined) return undefined;

  const root = runsAsRoot() ? join(sharedRoot(environment), "programs") : downloads.root;
  const target = join(root, `postgres-${basename(downloads.root)}`);
  if (!existsSync(target)) {
    await withLock(`${target}.lock`, signal, async () => {
      if (!existsSync(target)) await unpack(join(source, archive), target, environment, signal);
    });
  }
  return join(target, "bin");
}

async function unpack(
  archive: string,
  target: string,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<void> {
  await assertUnpacker(environment, signal);
  const draft = `${target}.${randomBytes(4).toString("hex")}`;
  mkdirSync(draft, { recursive: true, mode: 0o755 });
  try {
    const { status, output } = await run("tar", ["-xJf", archive, "-C", draft], {
      environment,
      signal,
    });
    throwIfInterrupted(signal);
    if (status !== 0) {
      throw new StackFault(
        "STACK_DOWNLOAD_FAILED",
        `${archive} could not be unpacked. Remove ${dirname(archive)}, then start again to download it.\n${output}`,
      );
    }
    renameSync(draft, target);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

async function assertUnpacker(environment: NodeJS.ProcessEnv, signal: AbortSignal): Promise<void> {
  // The tar of macOS reads xz without another program.
  const programs = process.platform === "darwin" ? ["tar"] : ["tar", "xz"];
  for (const program of programs) {
    const { status } = await run(program, ["--version"], { environment, signal });
    throwIfInterrupted(signal);
    if (status === 0) continue;
    throw new StackFault(
      "STACK_UNPACKER_MISSING",
      `PostgreSQL is unpacked with tar and xz, but ${program} is missing. Install it (package ${program === "xz" ? "xz-utils" : program}), or set SLUICE_LEDGER_URL.`,
    );
  }
}
