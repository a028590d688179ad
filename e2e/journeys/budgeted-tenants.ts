import { readFileSync } from "node:fs";
import { join } from "node:path";

const local = readFileSync(join(import.meta.dirname, "../../infra/local/sluice.yaml"), "utf8");

/** The environment variable with the secret of all keys below. */
export const secretVariable = "BUDGETED_SECRET";

/** The most tokens of an answer with which one attempt at a model below costs ten cents at most. */
export const dimeTokens = 100;

/** A budget for each selector, and what a request needs to be selected by it and by no other. */
export const budgetedBy = {
  tenant: { key: "whole", model: "dime" },
  team: { key: "ofteam", model: "dime" },
  feature: { key: "offeature", model: "dime" },
  user: { key: "ofuser", model: "dime" },
  key: { key: "ofkey", model: "dime" },
  run: { key: "plain", model: "dime", run: "run-1" },
  tier: { key: "plain", model: "dime-tier" },
  model: { key: "plain", model: "dime-model" },
  provider: { key: "plain", model: "dime-provider" },
} as const;

const keyOf = (id: string, attribution: string) =>
  `      - { id: ${id}, secret: "env:${secretVariable}", ${attribution} }`;

const tenants = `
  - id: whole
    keys:
${keyOf("whole", "team: t, feature: f, user: u")}
  - id: parts
    timeZone: Europe/Berlin
    keys:
${keyOf("ofteam", "team: one, feature: f, user: u")}
${keyOf("offeature", "team: t, feature: one, user: u")}
${keyOf("ofuser", "team: t, feature: f, user: one")}
${keyOf("ofkey", "team: t, feature: f, user: u")}
${keyOf("plain", "team: t, feature: f, user: u")}
${keyOf("ann", "team: each, feature: f, user: ann")}
${keyOf("bob", "team: each, feature: f, user: bob")}
${keyOf("tight", "team: tight, feature: f, user: u")}
`;

const providers = `
  - { id: second, baseUrl: "env:SLUICE_SIMULATOR_URL", keys: ["file:secrets/simulator-key"], simulated: true, allowPlainHttp: true }
`;

/** Its input costs nothing, and an output token a tenth of a cent. */
const dime = (id: string, provider = "simulator", tier = "economy") => `
  - id: ${id}
    provider: ${provider}
    model: sim-economy
    tier: ${tier}
    contextWindow: 131072
    prices: [{ effectiveFrom: 2026-01-01, input: 0, output: 1000 }]
`;

const budget = (id: string, selector: string, tenant = "parts") =>
  `  - { id: ${id}, tenant: ${tenant}, limitUsd: 5, period: month, selector: ${selector} }`;

const budgets = `
budgets:
${budget("tenant", "{}", "whole")}
${budget("team", "{ team: one }")}
${budget("feature", "{ feature: one }")}
${budget("user", "{ user: one }")}
${budget("key", "{ key: ofkey }")}
${budget("run", "{ run: run-1 }")}
${budget("tier", "{ tier: premium, team: t }")}
${budget("model", "{ model: dime-model }")}
${budget("provider", "{ provider: second }")}
  - { id: each, tenant: parts, limitUsd: 1, period: day, selector: { team: each }, each: [user] }
  - { id: tight, tenant: parts, limitUsd: 0.20, period: total, selector: { team: tight } }
`;

/** The declarations of the local stack with tenants whose budgets cover fifty attempts at ten cents. */
export const budgetedTenants =
  local
    .replace(/^tenants:$/m, `tenants:${tenants.trimEnd()}`)
    .replace(/^providers:$/m, `providers:${providers.trimEnd()}`)
    .replace(
      /^models:$/m,
      `models:${[
        dime("dime"),
        dime("dime-model"),
        dime("dime-provider", "second"),
        dime("dime-tier", "simulator", "premium"),
      ]
        .map((model) => model.trimEnd())
        .join("")}`,
    ) + budgets;
