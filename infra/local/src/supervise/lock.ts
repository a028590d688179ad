import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { throwIfInterrupted } from "../faults.ts";
import { identityOf, isAlive, type ProcessIdentity } from "./processes.ts";

const RETRY_MIN_MS = 20;
const RETRY_SPREAD_MS = 80;

/** A lock. It is held until it is released, or until the process that holds it exits. */
export interface Lock {
  release(): void;
}

/**
 * Takes the lock of a folder, or returns undefined if a living process holds it.
 *
 * Each process first writes a claim file with a unique name, and then looks for other claims. If it sees
 * no claim of another living process, it holds the lock. Otherwise it withdraws. Two processes cannot
 * both hold the lock, because the later writer sees the earlier claim. No name is used twice, so any
 * process can remove the claim of a dead process at any time. A single lock file would have neither
 * property: two processes that find it stale could each remove the other's new file.
 */
export function tryLock(folder: string): Lock | undefined {
  const own = claim(folder);
  if (otherHolder(folder, own) === undefined) {
    return { release: () => rmSync(join(folder, own), { force: true }) };
  }
  rmSync(join(folder, own), { force: true });
  return undefined;
}

/**
 * Takes the lock, and waits as long as another process holds it.
 *
 * @throws StackFault `STACK_INTERRUPTED`
 */
export async function lock(folder: string, signal: AbortSignal): Promise<Lock> {
  for (;;) {
    throwIfInterrupted(signal);
    const taken = tryLock(folder);
    if (taken) return taken;
    // The delay is random, so that two processes that made each other withdraw do not retry at the same moment.
    await sleep(RETRY_MIN_MS + Math.random() * RETRY_SPREAD_MS);
  }
}

/** Runs the work while it holds the lock. */
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

/** Returns the living process that holds the lock of a folder or is just trying to take it. */
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
