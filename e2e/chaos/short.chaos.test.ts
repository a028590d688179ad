import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ChaosEvent, ChaosRun } from "./chaos-run.ts";
import { shortForm } from "./options.ts";
import { planOf } from "./plan.ts";
import { linesOf } from "./report.ts";

/** Chosen once, so that a failure can be repeated with `npm run chaos -- --short --seed 9`. */
const seed = 9;

/** More than what is claimed, because a machine of the CI may be busy. The long form is measured by the claim. */
const limits = { answeredSeconds: 30, groupsSeconds: 45, readySeconds: 45 };

let run: ChaosRun;

beforeAll(async () => {
  run = await ChaosRun.start(limits);
});
afterAll(() => run?.stop());

test("after the broker is killed and frozen and after further faults, every request is answered and paid once", async () => {
  const events: ChaosEvent[] = [];
  const steps = planOf({ seed, targets: await run.targets(), ...shortForm });
  await run.carryOut(steps, (event) => {
    events.push(event);
    process.stderr.write(`${linesOf(event).join("\n")}\n`);
  });
  const violations = events.flatMap((event) => event.violations);
  if (violations.length > 0) {
    const folder = mkdtempSync(join(tmpdir(), "sluice-chaos-"));
    run.pipeline.keepLogs(folder);
    process.stderr.write(`The logs of all processes are in ${folder}.\n`);
  }

  expect(violations).toEqual([]);
  expect(events.filter(({ kind }) => kind === "step")).toHaveLength(shortForm.faults);
}, 420_000);
