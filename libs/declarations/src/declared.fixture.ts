import { FileDeclarations } from "./file-declarations.ts";
import { parseDeclarations } from "./parse.ts";

/** Members of the one tenant, its key, the one provider and its one model, as flow YAML. Without members, there is no key. */
export interface DeclaredMembers {
  readonly tenant?: string;
  readonly key?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly price?: string;
}

/** Returns a file whose provider is on line 6 and whose model is on line 8. */
export function yamlOf({
  tenant = "",
  key,
  provider = "preset: openai",
  model = "",
  price = "",
}: DeclaredMembers) {
  const owner = 'id: k, secret: "env:K", team: a, feature: f, user: u';
  const rates = `effectiveFrom: 2026-01-01, input: 1, output: 1, ${price}`;
  return `
tenants:
  - { id: acme,
      keys: [${key === undefined ? "" : `{ ${owner}, ${key} }`}], ${tenant} }
providers:
  - { id: p, keys: ["env:P"], ${provider} }
models:
  - { id: m, provider: p, tier: economy, contextWindow: 1, prices: [{ ${rates} }], ${model} }
`;
}

/** @throws the errors of the file */
export function declaredWith(members: DeclaredMembers): FileDeclarations {
  const parsed = parseDeclarations(yamlOf(members));
  if (parsed.kind === "invalid") throw new Error(JSON.stringify(parsed.errors));
  return new FileDeclarations(parsed.declared, ".", {});
}

/** Returns each error with its line and its path. */
export function errorsWith(members: DeclaredMembers): readonly string[] {
  const parsed = parseDeclarations(yamlOf(members));
  if (parsed.kind === "valid") return [];
  return parsed.errors.map(({ line, path, message }) => `${line} ${path}: ${message}`);
}
