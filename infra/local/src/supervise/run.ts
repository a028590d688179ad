import { spawn } from "node:child_process";
import type { UserIds } from "./program.ts";

export interface Finished {
  /** Exit status; 128 after a signal; 127 if there is no such command. */
  readonly status: number;
  /** Standard output and standard error, in the order in which they arrived. */
  readonly output: string;
}

export interface RunOptions {
  readonly environment?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly runAs?: UserIds | undefined;
  readonly input?: string;
  readonly signal: AbortSignal;
}

/**
 * Runs a command to its end. It does not block the launcher, which must be able to handle Ctrl-C. The
 * command has its own process group, so that Ctrl-C does not reach it; `signal` kills the group.
 */
export function run(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: options.environment ?? process.env,
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...options.runAs,
    });
    const chunks: Buffer[] = [];
    const collect = (chunk: Buffer): number => chunks.push(chunk);
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    // A command may exit without reading its input. Its status then shows whether it succeeded.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");

    const stop = (): void => {
      if (child.pid !== undefined) killGroup(child.pid);
    };
    options.signal.addEventListener("abort", stop, { once: true });
    const finish = (status: number, extra = ""): void => {
      options.signal.removeEventListener("abort", stop);
      resolve({ status, output: Buffer.concat(chunks).toString() + extra });
    };
    child.once("error", (error) => finish(127, error.message));
    child.once("close", (code) => finish(code ?? 128));
    if (options.signal.aborted) stop();
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The command has already exited.
  }
}
