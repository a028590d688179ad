import { writeFileSync } from "node:fs";
import { Child } from "./child.ts";
import { describeMachine } from "./measure/machine.ts";
import { parseOptions } from "./options.ts";
import { comparisonTable } from "./report/report.ts";
import { stepsOf } from "./measure/run.ts";
import { scheduleOf } from "./load/schedule.ts";
import { MeasuredPipeline } from "./measure/measured-pipeline.ts";
import { bestOf, type StepResult } from "./measure/step.ts";
import { build, checkOut, describeTree, repositoryRoot } from "./tree.ts";

const { plan, json, commit } = parseOptions(process.argv.slice(2));
if (commit === "") throw new Error("No commit is named. Run: npm run bench:compare -- <commit>");
const reportProgress = (text: string): void => void process.stderr.write(`  ${text}\n`);
reportProgress(`building ${commit} and this tree`);
build(repositoryRoot);
const other = checkOut(commit);
const generator = new Child("load/generator-main.ts");
const pipelines: MeasuredPipeline[] = [];
try {
  // The two pipelines start one after the other, so that each has all cores during its start.
  const here = await MeasuredPipeline.start(repositoryRoot, generator);
  pipelines.push(here);
  const there = await MeasuredPipeline.start(other.tree, generator);
  pipelines.push(there);
  const pairs = [];
  for (const { kind, rate } of stepsOf(plan)) {
    reportProgress(`${kind} ${rate}/s`);
    const schedule = scheduleOf(rate, plan.secondsPerStep);
    const rounds: { here: StepResult; there: StepResult }[] = [];
    for (let round = 0; round < plan.rounds; round += 1)
      // The two pipelines take turns, so that a temporary disturbance of the machine affects both.
      rounds.push({
        // oxlint-disable-next-line no-await-in-loop -- one at a time
        here: (await here.measure(kind, schedule, plan.connectionsMax)).step,
        // oxlint-disable-next-line no-await-in-loop -- one at a time
        there: (await there.measure(kind, schedule, plan.connectionsMax)).step,
      });
    pairs.push({
      here: bestOf(rounds.map((round) => round.here)),
      there: bestOf(rounds.map((round) => round.there)),
    });
  }
  const machine = describeMachine();
  process.stdout.write(
    `${describeTree()} compared with ${commit}, load ${machine.loadAverage.join(" ")}, best of ${plan.rounds}.\n` +
      `"other" is ${commit}; a ratio is this tree's value divided by the other's. Rates are in requests\n` +
      `per second, CPU in ms per request. Both stacks run during the whole comparison.\n\n` +
      `${comparisonTable(pairs)}\n`,
  );
  if (json !== null)
    writeFileSync(json, `${JSON.stringify({ commit, machine, pairs }, null, 2)}\n`);
} finally {
  await Promise.all([...pipelines, generator].map((each) => each.stop()));
  other.remove();
}
