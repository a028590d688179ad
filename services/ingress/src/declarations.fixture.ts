import { FileDeclarations, parseDeclarations } from "@sluice/declarations";

/** Declares models that take `top_k`, two tenants with keys, a chat model and an embedding model. The secrets come from an environment of its own. */
export function someDeclarations(): FileDeclarations {
  return declarationsWith("requestMembers: [top_k]");
}

/** As {@link someDeclarations}, with limits or detection of loops, as YAML. */
export function limitedBy(limits: string): FileDeclarations {
  return declarationsWith("", limits);
}

/** As {@link someDeclarations}, with further members of the provider and of the file. */
export function declarationsWith(ofProvider: string, further = ""): FileDeclarations {
  const parsed = parseDeclarations(`
tenants:
  - id: acme
    keys:
      - { id: k1, secret: "env:K1", team: search, feature: answers, user: bot }
      - { id: former, secret: "env:K2", team: search, feature: answers, user: gone, revoked: true }
  - id: globex
    keys: [{ id: k3, secret: "env:K3", team: ops, feature: tickets, user: bot }]
providers: [{ id: p, baseUrl: "http://127.0.0.1:9/v1", keys: ["env:P"], ${ofProvider} }]
models:
  - { id: small, provider: p, tier: economy, contextWindow: 1000,
      prices: [{ effectiveFrom: 2026-01-01, input: 1, output: 2 }] }
  - { id: embeddings, provider: p, tier: economy, contextWindow: 1000, dimensions: 1536,
      prices: [{ effectiveFrom: 2026-01-01, input: 1, output: 0 }] }
${further}
`);
  if (parsed.kind !== "valid") throw new Error(JSON.stringify(parsed.errors));
  return new FileDeclarations(parsed.declared, ".", {
    K1: "one-secret-of-search",
    K2: "two",
    K3: "three-secrets-of-ops",
  });
}
