import type { ChaosEvent, Totals } from "./chaos-run.ts";
import { describeStep, targetsOf } from "./plan.ts";
import type { StepObservation } from "./verdict.ts";

type StepEvent = Extract<ChaosEvent, { kind: "step" }>;

/** One cause can breach an invariant for each request. */
const violationsShownMax = 20;

/** Returns one line for an event, and one more for each violation. */
export function linesOf(event: ChaosEvent): readonly string[] {
  const line = event.kind === "step" ? stepLine(event.seen) : checkpointLine(event.seen);
  const shown = event.violations.slice(0, violationsShownMax);
  const more = event.violations.length - shown.length;
  return [
    line,
    ...shown.map((violation) => `  VIOLATION ${violation}`),
    ...(more > 0 ? [`  … and ${more} further violations`] : []),
  ];
}

function stepLine(seen: StepObservation): string {
  const { step, backSeconds, openAtReturn, answeredSeconds, groupsSeconds, readySeconds } = seen;
  const exits = seen.otherExits.length > 0 ? `; also ended: ${seen.otherExits.join(", ")}` : "";
  return (
    `${String(step.number).padStart(3)} ${describeStep(step)}: back ${tenths(backSeconds)} s, ` +
    `${openAtReturn} waiting, answered ${tenths(answeredSeconds)} s, ` +
    `groups ${tenths(groupsSeconds)} s, ready ${tenths(readySeconds)} s${exits}`
  );
}

function checkpointLine(totals: Totals): string {
  return (
    `    checkpoint: ${totals.httpRequests + totals.kafkaRequests} requests, ` +
    `${totals.billedAttempts} billed attempts, bill ${totals.billNanoUsd} nano-USD, ` +
    `${totals.paidTwiceReported} paid twice and reported`
  );
}

/** Returns the result of a run as two Markdown tables: by target, and in total. */
export function summaryOf(events: readonly ChaosEvent[]): string {
  const steps = events.filter((event) => event.kind === "step");
  const totals = events.findLast((event) => event.kind === "checkpoint")?.seen;
  const violations = events.reduce((sum, event) => sum + event.violations.length, 0);
  const targets = [...new Set(steps.flatMap(({ seen }) => targetsOf(seen.step)))].toSorted();
  const single = targets.map((target) =>
    rowOf(
      target,
      steps.filter(({ seen }) => seen.step.second === null && seen.step.first.target === target),
    ),
  );
  const pairs = steps.filter(({ seen }) => seen.step.second !== null);
  return [
    "| target | faults | waiting requests | back | answered | groups | ready | violations |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ...single,
    rowOf("pairs", pairs),
    "",
    ...(totals ? totalsOf(totals, violations) : []),
  ].join("\n");
}

/** Times are the longest of the row, in seconds after the targets were back; `back` is after the last fault ended. */
function rowOf(name: string, events: readonly StepEvent[]): string {
  const seen = events.map((event) => event.seen);
  const worst = (of: (each: StepObservation) => number): string =>
    seen.length === 0 ? "–" : `${tenths(Math.max(...seen.map(of)))} s`;
  const cells = [
    name,
    seen.length,
    seen.reduce((sum, { openAtReturn }) => sum + openAtReturn, 0),
    worst(({ backSeconds }) => backSeconds),
    worst(({ answeredSeconds }) => answeredSeconds),
    worst(({ groupsSeconds }) => groupsSeconds),
    worst(({ readySeconds }) => readySeconds),
    events.reduce((sum, { violations }) => sum + violations.length, 0),
  ];
  return `| ${cells.join(" | ")} |`;
}

function totalsOf(totals: Totals, violations: number): readonly string[] {
  const rows: readonly (readonly [string, number | bigint])[] = [
    ["requests over HTTP", totals.httpRequests],
    ["streamed, of these", totals.streamed],
    ["requests over Kafka", totals.kafkaRequests],
    ["requests that their clients repeated", totals.repeated],
    ["streams with a reported interruption", totals.interruptedStreams],
    ["billed attempts", totals.billedAttempts],
    ["bill in nano-USD", totals.billNanoUsd],
    ["requests paid twice and reported so", totals.paidTwiceReported],
    ["violations", violations],
  ];
  return [
    "| total | number |",
    "| --- | --- |",
    ...rows.map(([name, number]) => `| ${name} | ${number} |`),
  ];
}

function tenths(seconds: number): string {
  return seconds.toFixed(1);
}
