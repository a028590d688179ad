/** The API keys of the tenants in {@link suiteDeclarations}. */
export const suiteKeys = {
  acme: "sk-sluice-acme-open-sesame-of-acme",
  /** The same tenant, another team. */
  acmeLabs: "sk-sluice-acmelabs-open-barley-of-acme",
  globex: "sk-sluice-globex-open-simsim-of-globex",
  revoked: "sk-sluice-former-open-once-of-former",
} as const;

/** The environment variables that the declarations refer to with `env:`. */
export const suiteSecrets: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(suiteKeys).map(([name, key]) => [
    secretVariableOf(name),
    key.replace(/^sk-sluice-[^-]+-/, ""),
  ]),
);

/** Two tenants and one variant per tier. The secrets come from the environment of the test's process. */
export const suiteDeclarations = `
tenants:
  - id: acme
    keys:
      - { id: acme, secret: "env:${secretVariableOf("acme")}", team: search, feature: answers, user: bot }
      - { id: acmelabs, secret: "env:${secretVariableOf("acmeLabs")}", team: labs, feature: trials, user: bot,
          mayName: { user: ["*@acme.example"], feature: ["beta.*"] } }
      - { id: former, secret: "env:${secretVariableOf("revoked")}", team: search, feature: answers, user: gone, revoked: true }
  - id: globex
    keys:
      - { id: globex, secret: "env:${secretVariableOf("globex")}", team: ops, feature: tickets, user: bot }
providers:
  - { id: acme_ai, baseUrl: "http://127.0.0.1:9/v1", keys: ["env:SUITE_PROVIDER_KEY"] }
models:
  - { id: small, provider: acme_ai, tier: economy, contextWindow: 8192, accuracy: { simple: 0.9, medium: 0.6 },
      prices: [{ effectiveFrom: 2026-01-01, input: 0.15, cachedInput: 0.075, output: 0.60 }] }
  - { id: middle, provider: acme_ai, tier: standard, contextWindow: 32768, accuracy: { simple: 0.95, medium: 0.9 },
      prices: [{ effectiveFrom: 2026-01-01, input: 2.50, output: 10.00 }] }
  - { id: large, provider: acme_ai, tier: premium, contextWindow: 131072, accuracy: { simple: 0.99, medium: 0.97, complex: 0.9 },
      prices: [{ effectiveFrom: 2026-01-01, input: 15.00, output: 75.00 }] }
`;

function secretVariableOf(name: string): string {
  return `SUITE_SECRET_${name.toUpperCase()}`;
}
