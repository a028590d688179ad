import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { repositoryRoot } from "@sluice/local-stack";

const cli = join(repositoryRoot, "tools", "cli");
/** Starts at once, and can start the parts only: the services run from what is built. */
const fromSources: readonly string[] = [
  process.execPath,
  "--conditions=@sluice/source",
  join(cli, "src", "main.ts"),
];
/** The command of a user. It builds what has changed. */
export const built: readonly string[] = [join(cli, "bin", "sluice.mjs")];

export interface RunningCommand {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly stdout: () => string;
  readonly ended: Promise<number | null>;
}

/** Runs `sluice` without the addresses of this run's stack, because these tests start their own parts. */
export function sluice(
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
  [program = "", ...options]: readonly string[] = fromSources,
): RunningCommand {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("SLUICE_") || name === "SLUICE_CACHE_DIR",
  );
  const child = spawn(program, [...options, ...args], {
    env: { ...Object.fromEntries(inherited), ...more },
  });
  let text = "";
  let stdout = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (said) => (text += said));
  child.stdout.on("data", (said) => (stdout += said));
  const ended = once(child, "exit").then(([code]) => (typeof code === "number" ? code : null));
  return { child, output: () => text, stdout: () => stdout, ended };
}

/** Runs `sluice` to its end. */
export async function finished(
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
  program = fromSources,
): Promise<{ code: number | null; output: string }> {
  const running = sluice(args, more, program);
  return { code: await running.ended, output: running.output() };
}
