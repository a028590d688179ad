import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { metricsInSources } from "./named-in-sources.ts";
import { read, root } from "./tree.ts";

/** What operators load into Prometheus and Grafana, held against what the services serve. */
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

/** Those of Prometheus itself, and of prom-client for the process. */
const foreign = /^(?:up|process_\w+|nodejs_\w+)$/;
/** What PromQL has of its own with an underscore. */
const functions = new Set(["histogram_quantile", "max_over_time"]);

/** The metrics that an expression reads, a histogram by its own name. */
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

test("every metric of an alert or a panel is made by a service", () => {
  const made = metricsInSources();
  const used = expressions.flatMap(([where, expr]) =>
    metricsIn(expr).map((metric) => ({ where, metric })),
  );
  expect(used.length).toBeGreaterThan(30);
  expect(used.filter(({ metric }) => !made.has(metric))).toEqual([]);
});

test("every expression reads something, of the one job, with its brackets closed", () => {
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

test("every alert has a name of its own, a severity, a patience and words for a human", () => {
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

test("every alert has its section in the runbook, and every section its alert", () => {
  const sections = runbook.split(/^## /m).slice(1);
  const titles = sections.map((section) => section.split("\n")[0] ?? "");
  expect(titles.toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted());
  const questions = ["**Meaning.**", "**Look here.**", "**Do this.**", "**Is replay safe?**"];
  for (const section of sections)
    expect(questions.filter((question) => !section.includes(question))).toEqual([]);
});

test("every panel of the dashboard has an id and a place of its own", () => {
  const places = panels.map((panel) => JSON.stringify(panel.gridPos));
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(new Set(places).size).toBe(panels.length);
});

const promtool = spawnSync("promtool", ["--version"]).error === undefined;

test(
  `promtool finds the rules sound and their tests true${promtool ? "" : " (NOT RUN: promtool is not on PATH)"}`,
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
