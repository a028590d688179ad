import { spawn } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { temporaryDir } from "../../test/fake-program.ts";
import { lock, lockHolder, tryLock, withLock } from "./lock.ts";
import { identityOf } from "./processes.ts";

const never = new AbortController().signal;

test("only one caller at a time holds a lock, even if several want it", async () => {
  const folder = temporaryDir();
  let inside = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    inside += 1;
    most = Math.max(most, inside);
    await sleep(5);
    inside -= 1;
  };
  await Promise.all(Array.from({ length: 8 }, () => withLock(folder, never, work)));
  expect(most).toBe(1);
  expect(readdirSync(folder)).toEqual([]);
});

test("the lock of a dead process can be taken, and that of a living one cannot", async () => {
  const folder = temporaryDir();
  const child = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1000)"]);
  const holder = identityOf(child.pid ?? 0);
  writeFileSync(join(folder, `${holder?.pid}_${holder?.born}_00000000`), "");
  expect(tryLock(folder)).toBeUndefined();
  expect(lockHolder(folder)?.pid).toBe(child.pid);

  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("exit", resolve));
  expect(lockHolder(folder)).toBeUndefined();
  const taken = tryLock(folder);
  expect(taken).toBeDefined();
  taken?.release();
});

test("an interrupt ends the wait for a lock", async () => {
  const folder = temporaryDir();
  const held = tryLock(folder);
  const interrupt = new AbortController();
  const waiting = lock(folder, interrupt.signal);
  interrupt.abort();
  await expect(waiting).rejects.toThrow(/The start was interrupted/);
  held?.release();
});
