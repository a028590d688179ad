import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { Socket } from "node:net";
import { extname, join } from "node:path";
import { stopLeftovers } from "./local-stack.ts";
import { removePostgresData } from "./servers/postgres-home.ts";

/** Stops the processes of a test run that exits without stopping them itself. */
export interface Guard {
  /** Ends the guard. The caller has stopped the stack itself. */
  dismiss(): void;
}

/**
 * Starts a process that holds one end of a pipe. However this process ends, even by `kill -9`, the
 * pipe closes. The guard then stops every process of the data directory and removes the directory.
 * Tests and benchmarks use it for stacks that must not outlive the process that started them.
 */
export function guardDataDir(dataDir: string): Guard {
  const extension = extname(import.meta.filename);
  const script = join(import.meta.dirname, `guard-main${extension}`);
  // If it runs from sources, as it does in tests, it also loads the other packages from their sources.
  const conditions = extension === ".ts" ? ["--conditions=@sluice/source"] : [];
  const child = spawn(process.execPath, [...conditions, script, dataDir], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.unref();
  // The pipe must not keep this process alive, because the guard waits for this process to exit.
  if (child.stdin instanceof Socket) child.stdin.unref();
  child.stdin.on("error", () => undefined);
  return {
    dismiss: () => {
      child.stdin.end("dismissed");
    },
  };
}

/** Stops the processes of a data directory, then removes it and its PostgreSQL database. */
export async function removeDataDir(
  dataDir: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  await stopLeftovers(dataDir);
  removePostgresData(dataDir, environment);
  rmSync(dataDir, { recursive: true, force: true });
}
