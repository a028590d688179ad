import {
  launcherOf,
  readStatus,
  secondsSince,
  signalProcess,
  stopLeftovers,
  waitForEnd,
} from "@sluice/local-stack";
import { dataDirOf, dataDirOption, parseOptions } from "./options.ts";
import { print } from "./progress.ts";

/** The launcher stops its programs within 8 s; beyond this it hangs. */
const LAUNCHER_LIMIT_MS = 15_000;

/** `sluice down`: asks the launcher to stop, and stops what a killed one left behind. */
export async function down(args: readonly string[]): Promise<number> {
  const dataDir = dataDirOf(parseOptions(args, dataDirOption));
  const startMs = Date.now();
  const launcher = launcherOf(dataDir);
  if (launcher) {
    signalProcess(launcher, "SIGTERM");
    if (!(await waitForEnd(launcher, LAUNCHER_LIMIT_MS))) signalProcess(launcher, "SIGKILL");
  }
  const leftovers = await stopLeftovers(dataDir);
  const wasRunning = launcher !== undefined || leftovers.length > 0;
  const { parts } = await readStatus(dataDir);
  const remaining = parts.filter(({ pid }) => pid !== null);
  if (remaining.length > 0) {
    const names = remaining.map(({ name, pid }) => `${name} (${pid})`).join(", ");
    process.stderr.write(`Still running: ${names}; end these processes by hand.\n`);
    return 1;
  }
  print(wasRunning ? `Stopped after ${secondsSince(startMs)}.\n` : "Nothing was running.\n");
  return 0;
}
