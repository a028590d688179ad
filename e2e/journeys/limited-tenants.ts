import { readFileSync } from "node:fs";
import { join } from "node:path";

const local = readFileSync(join(import.meta.dirname, "../../infra/local/sluice.yaml"), "utf8");

/** The variable with the secret of all keys below. */
export const secretVariable = "SLUICE_LIMITS_SECRET";

const keyOf = (id: string, user: string, limits = "") =>
  `      - { id: ${id}, secret: "env:${secretVariable}", team: support, feature: chat, user: ${user}${limits} }\n`;

/** The local stack's declarations with two tenants, and with limits of keys, of users and of all. */
export const limitedTenants = local.replace(
  /^tenants:\n[^]*?(?=^providers:)/m,
  `tenants:
  - id: demo
    weight: 3
    keys:
${keyOf("demo", "demo").replace(`env:${secretVariable}`, "file:secrets/demo-key")}${[
    keyOf("paced", "paced", ", limits: { requestsPerMinute: 30 }"),
    keyOf("tokens", "tokens", ", limits: { tokensPerMinute: 100000 }"),
    keyOf("single", "single", ", limits: { concurrency: 1 }"),
    keyOf("ann", "ann"),
    keyOf("bob", "bob"),
  ].join("")}  - id: neighbour
    keys:
${keyOf("neighbour", "ann")}limits:
  - { id: users, tenant: demo, selector: { user: [ann, bob] }, each: [user], requestsPerMinute: 2 }
loops: { samePromptPerMinute: 40 }
`,
);
