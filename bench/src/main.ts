import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Child } from "./child.ts";
import { withBudgets } from "./measure/declared-budgets.ts";
import { describeMachine } from "./measure/machine.ts";
import { parseOptions } from "./options.ts";
import { reportOf, type Results } from "./report/report.ts";
import { runPlan } from "./measure/run.ts";
import { MeasuredPipeline } from "./measure/measured-pipeline.ts";
import { build, describeTree, repositoryRoot } from "./tree.ts";

const idleSeconds = 4;

const { plan, json, profiles, budgets } = parseOptions(process.argv.slice(2));
const reportProgress = (text: string): void => void process.stderr.write(`  ${text}\n`);
const machine = describeMachine();
reportProgress("building and starting the stack");
build(repositoryRoot);
const generator = new Child("load/generator-main.ts");
const bareServer = new Child("load/bare-server-main.ts");
const bare = { child: bareServer, port: await bareServer.receive<number>() };
const profiling = profiles === null ? {} : { NODE_OPTIONS: profilingInto(resolve(profiles)) };
const declarations = budgets
  ? withBudgets(readFileSync(join(repositoryRoot, "infra", "local", "sluice.yaml"), "utf8"))
  : "";
const pipeline = await MeasuredPipeline.start(repositoryRoot, generator, profiling, declarations);
try {
  reportProgress("measuring the idle stack");
  const idleCpuMsPerSecond = await pipeline.idleCpu(idleSeconds);
  const pairs = await runPlan(plan, pipeline, bare, reportProgress);
  const results: Results = {
    commit: describeTree(),
    at: new Date().toISOString(),
    machine,
    rounds: plan.rounds,
    secondsPerStep: plan.secondsPerStep,
    startUpSeconds: pipeline.startUpSeconds,
    residentMiB: pipeline.residentMiB(),
    idleCpuMsPerSecond,
    pairs,
  };
  process.stdout.write(`${reportOf(results)}\n`);
  if (json !== null) writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
} finally {
  await Promise.all([pipeline.stop(), generator.stop(), bareServer.stop()]);
}

/**
 * Returns the Node options that write a CPU profile when a process exits. The interval is coarse, so that
 * profiling changes little.
 */
function profilingInto(folder: string): string {
  return `--cpu-prof --cpu-prof-interval=2000 --cpu-prof-dir=${folder}`;
}
