import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { Socket } from "node:net";
import { extname, join } from "node:path";
import { stopLeftovers } from "./local-stack.ts";
import { removePostgresData } from "./servers/postgres-home.ts";

/** Ends what a test run leaves when it ends without saying good-bye. */
export interface Guard {
  /** The stack was stopped in order: nothing is left to do. */
  dismiss(): void;
}

/**
 * A process of its own that holds one end of a pipe. However this process ends, even by
 * `kill -9`, the pipe closes, and the guard stops every process of the data directory and
 * removes it. For stacks that must not outlive who started them.
 */
export function guardDataDir(dataDir: string): Guard {
  const extension = extname(import.meta.filename);
  const script = join(import.meta.dirname, `guard-main${extension}`);
  // Run from sources, as tests are, it needs its neighbours' sources too.
  const conditions = extension === ".ts" ? ["--conditions=@sluice/source"] : [];
  const child = spawn(process.execPath, [...conditions, script, dataDir], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.unref();
  // Its pipe must not keep this process alive: the end of this process is what it waits for.
  if (child.stdin instanceof Socket) child.stdin.unref();
  child.stdin.on("error", () => undefined);
  return {
    dismiss: () => {
      child.stdin.end("dismissed");
    },
  };
}

export async function removeDataDir(
  dataDir: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  await stopLeftovers(dataDir);
  removePostgresData(dataDir, environment);
  rmSync(dataDir, { recursive: true, force: true });
}
