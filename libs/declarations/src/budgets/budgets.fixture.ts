import { type DeclarationError, parseDeclarations } from "../parse.ts";
import { FileDeclarations } from "../file-declarations.ts";
import type { Declarations } from "../declarations.ts";

/** A file with two tenants, one key, one provider and one model. */
const fileOf = (budgets: string, timeZone: string) => `
tenants:
  - { id: acme, timeZone: "${timeZone}", keys: [{ id: k, secret: "env:K", team: a, feature: f, user: u }] }
  - { id: globex }
providers: [{ id: ai, baseUrl: "https://ai.example/v1", keys: ["env:AI"] }]
models:
  - { id: m, provider: ai, tier: economy, contextWindow: 1000,
      prices: [{ effectiveFrom: 2026-01-01, input: 1, output: 1 }] }
budgets: ${budgets || "[]"}
`;

/** @param budgets the list of budgets in YAML */
export function declarationsOf(budgets: string): Declarations {
  const parsed = parseDeclarations(fileOf(budgets, "Europe/Berlin"));
  if (parsed.kind === "invalid") throw new Error(JSON.stringify(parsed.errors));
  return new FileDeclarations(parsed.declared, ".", {});
}

export function errorsOf(budgets: string, timeZone = "UTC"): readonly DeclarationError[] {
  const parsed = parseDeclarations(fileOf(budgets, timeZone));
  return parsed.kind === "invalid" ? parsed.errors : [];
}
