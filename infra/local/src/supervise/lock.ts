import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { throwIfInterrupted } from "../faults.ts";
import { identityOf, isAlive, type ProcessIdentity } from "./processes.ts";

const RETRY_MIN_MS = 20;
const RETRY_SPREAD_MS = 80;

/** Held until released, or until the process that holds it is gone. */
export interface Lock {
  release(): void;
}

/**
 * Takes the lock of a folder, or returns undefined when a living process holds it.
 *
 * Everyone who wants it first writes a claim of its own name, then looks. Who sees no
 * other living claim holds the lock; who sees one withdraws. Two cannot hold it, as the
 * later writer sees the earlier claim; and as no name is ever used twice, a dead holder's
 * claim can be removed by anybody at any time. A single lock file has neither property:
 * two who find it stale may each remove the other's fresh one.
 */
export function tryLock(folder: string): Lock | undefined {
  const own = claim(folder);
  if (otherHolder(folder, own) === undefined) {
    return { release: () => rmSync(join(folder, own), { force: true }) };
  }
  rmSync(join(folder, own), { force: true });
  return undefined;
}

/** Waits for as long as somebody else holds it. */
export async function lock(folder: string, signal: AbortSignal): Promise<Lock> {
  for (;;) {
    throwIfInterrupted(signal);
    const taken = tryLock(folder);
    if (taken) return taken;
    // Two that withdraw before each other must not meet again at the same moment.
    await sleep(RETRY_MIN_MS + Math.random() * RETRY_SPREAD_MS);
  }
}

export async function withLock<Result>(
  folder: string,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  const held = await lock(folder, signal);
  try {
    return await work();
  } finally {
    held.release();
  }
}

/** The living process that holds, or is just trying to take, the lock of a folder. */
export function lockHolder(folder: string): ProcessIdentity | undefined {
  return otherHolder(folder, undefined);
}

function claim(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const self = identityOf(process.pid);
  const name = `${process.pid}_${self?.born ?? ""}_${randomBytes(4).toString("hex")}`;
  writeFileSync(join(folder, name), "");
  return name;
}

function otherHolder(folder: string, own: string | undefined): ProcessIdentity | undefined {
  for (const name of claimsIn(folder)) {
    if (name === own) continue;
    const [pid, born = ""] = name.split("_");
    const holder = { pid: Number(pid), born };
    if (isAlive(holder)) return holder;
    rmSync(join(folder, name), { force: true });
  }
  return undefined;
}

function claimsIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
