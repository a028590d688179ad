import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ChaosEvent, ChaosRun } from "./chaos-run.ts";
import { chosenTargets, parseOptions } from "./options.ts";
import { planOf } from "./plan.ts";
import { linesOf, summaryOf } from "./report.ts";

const options = parseOptions(process.argv.slice(2), Math.floor(Math.random() * 2 ** 32));
const print = (text: string): void => void process.stdout.write(`${text}\n`);
print(`Repeat this run with --seed ${options.seed}.`);
// An exit ends the freezes first. The guard of the data directory then stops all processes.
process.once("SIGINT", () => process.exit(130));

const run = await ChaosRun.start();
const events: ChaosEvent[] = [];
try {
  const targets = chosenTargets(await run.targets(), options.only);
  const { isClean } = await run.carryOut(planOf({ ...options, targets }), (event) => {
    events.push(event);
    print(linesOf(event).join("\n"));
  });
  print(`\n${summaryOf(events)}`);
  if (!isClean) {
    process.exitCode = 1;
    keepLogs();
  }
} catch (error) {
  keepLogs();
  throw error;
} finally {
  await run.stop();
}

function keepLogs(): void {
  const folder = mkdtempSync(join(tmpdir(), "sluice-chaos-"));
  run.pipeline.keepLogs(folder);
  print(`The logs of all processes are in ${folder}.`);
}
