import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type * as Testing from "@sluice/testing";
import type { SimulatorAccess } from "@sluice/testing";
import type { HostedPipeline } from "./hosted-pipeline.ts";

// Runs the pipeline from the build of a working tree: this one, or that of another commit.
const [tree = "", environment = "{}", declarations = ""] = process.argv.slice(2);
const entryPoint = pathToFileURL(join(tree, "libs", "testing", "dist", "index.js")).href;
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the package as that tree has built it
const { startPipeline } = (await import(entryPoint)) as typeof Testing;
const pipeline = await startPipeline({
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by MeasuredPipeline
  environment: JSON.parse(environment) as Record<string, string>,
  ...(declarations !== "" && { declarations }),
});

interface State {
  readonly programs: Readonly<Record<string, { readonly pid: number } | null>>;
}
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by the launcher
const state = JSON.parse(readFileSync(join(pipeline.dataDir, "state.json"), "utf8")) as State;
const pids = Object.entries(state.programs).flatMap(([name, program]) =>
  program === null ? [] : [[name, program.pid] as const],
);
const { http, demoKey, supervisorLog } = pipeline;
const hosted: HostedPipeline = {
  http,
  simulator: accessOf(pipeline.simulator),
  demoKey,
  pids: Object.fromEntries(pids),
  log: supervisorLog,
};
process.send?.(hosted);

/** Returns the simulator of this tree or of an earlier one, which has only its address and needs no key. */
function accessOf(simulator: SimulatorAccess | string): SimulatorAccess {
  return typeof simulator === "string" ? { url: simulator, controlKey: "" } : simulator;
}

// The channel also closes if the bench is killed.
process.once("disconnect", () => void pipeline.stop().then(() => process.exit(0)));
