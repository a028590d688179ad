import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { metricsInSources } from "./named-in-sources.ts";
import { read, root } from "./tree.ts";

/*
 * These tests compare the alerts and the dashboard, which operators load into Prometheus and Grafana,
 * with the metrics of the services.
 */

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number };
  readonly targets: readonly { readonly refId: string; readonly expr: string }[];
}

const rulesFile = "infra/alerts/sluice.rules.yml";
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its structure is tested below
const { groups } = parse(read(rulesFile)) as { readonly groups: readonly { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
const { panels } = JSON.parse(read("infra/dashboards/sluice.json")) as { panels: Panel[] };
const runbook = read("docs/runbook.md");

/** Metrics of Prometheus itself, and of prom-client for the process. */
const foreign = /^(?:up|process_\w+|nodejs_\w+)$/;
/** PromQL functions whose name has an underscore, as metrics do. */
const functions = new Set(["histogram_quantile", "max_over_time"]);

/** Returns the metrics that an expression reads; for the series of a histogram, the name of the histogram. */
function metricsIn(expression: string): readonly string[] {
  const bare = expression.replaceAll(/\{[^}]*\}|\[[^\]]*\]|\bby \([^)]*\)/g, " ");
  return [...bare.matchAll(/\b[a-z]+(?:_[a-z]+)+\b/g)]
    .map(([name]) => name)
    .filter((name) => !functions.has(name) && !foreign.test(name))
    .map((name) => name.replace(/_(?:bucket|sum|count)$/, ""));
}

const expressions = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
];

test("every metric in an alert or a panel is created by a service", () => {
  const made = metricsInSources();
  const used = expressions.flatMap(([where, expr]) =>
    metricsIn(expr).map((metric) => ({ where, metric })),
  );
  expect(used.length).toBeGreaterThan(30);
  expect(used.filter(({ metric }) => !made.has(metric))).toEqual([]);
});

test('every expression selects job="sluice" and has balanced brackets', () => {
  const count = (text: string, sign: string) => text.split(sign).length;
  const wrong = expressions.filter(
    ([, expr]) =>
      !expr.includes('job="sluice"') ||
      ["()", "[]", "{}"].some(
        ([open = "", close = ""]) => count(expr, open) !== count(expr, close),
      ),
  );
  expect(wrong).toEqual([]);
});

test("every alert has a unique name, a duration, a severity, a summary and a runbook link", () => {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const rule of rules)
    expect(rule).toEqual({
      alert: expect.stringMatching(/^Sluice[A-Z]\w+$/),
      expr: expect.any(String),
      for: expect.stringMatching(/^\d+[ms]$/),
      labels: { severity: expect.stringMatching(/^(?:critical|warning)$/) },
      annotations: {
        summary: expect.stringMatching(/\.$/),
        runbook: `docs/runbook.md#${rule.alert.toLowerCase()}`,
      },
    });
});

test("every alert has a section in the runbook, and every section has an alert", () => {
  const sections = runbook.split(/^## /m).slice(1);
  const titles = sections.map((section) => section.split("\n")[0] ?? "");
  expect(titles.toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted());
  const questions = ["**Meaning.**", "**Look here.**", "**Do this.**", "**Is replay safe?**"];
  for (const section of sections)
    expect(questions.filter((question) => !section.includes(question))).toEqual([]);
});

test("every panel of the dashboard has a unique id and a unique position", () => {
  const places = panels.map((panel) => JSON.stringify(panel.gridPos));
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(new Set(places).size).toBe(panels.length);
});

const promtool = spawnSync("promtool", ["--version"]).error === undefined;

test(
  `promtool accepts the rules, and their tests pass${promtool ? "" : " (NOT RUN: promtool is not on PATH)"}`,
  { timeout: 30_000 },
  () => {
    const runs = promtool
      ? [
          ["check", "rules", rulesFile],
          ["test", "rules", "infra/alerts/sluice.test.yml"],
        ].map((given) => spawnSync("promtool", given, { cwd: root, encoding: "utf8" }))
      : [];
    expect(runs.filter(({ status }) => status !== 0).map(({ stderr }) => stderr)).toEqual([]);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- promtool reads it where it is
    const { tests } = parse(read("infra/alerts/sluice.test.yml")) as {
      readonly tests: readonly { readonly name: string }[];
    };
    const names = tests.map(({ name }) => name);
    expect(names.toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted());
  },
);
