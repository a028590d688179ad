import { execFile } from "node:child_process";
import { join } from "node:path";
import { repositoryRoot } from "@sluice/local-stack";

const main = join(repositoryRoot, "tools", "cli", "src", "main.ts");

export interface SluiceResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a `sluice` command with the environment of this test run, and with more variables. */
export function runSluice(
  args: readonly string[],
  more: Readonly<Record<string, string>>,
): Promise<SluiceResult> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      // The libraries use decorators, which Node's own type stripping does not support.
      ["--conditions=@sluice/source", "--import", "@oxc-node/core/register", main, ...args],
      { env: { ...process.env, ...more } },
      (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}
