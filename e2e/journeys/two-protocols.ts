import { readFileSync } from "node:fs";
import { join } from "node:path";

const local = readFileSync(join(import.meta.dirname, "../../infra/local/sluice.yaml"), "utf8");

/**
 * The simulator once more, with Anthropic's protocol, and two models with the prices of its bill. The accounts of the
 * other two providers are used up if a prompt says so, and their keys then rest.
 */
const providers = `
  - { id: spent, baseUrl: "env:SLUICE_SIMULATOR_URL", keys: ["file:secrets/simulator-key"], simulated: true, allowPlainHttp: true }
  - id: spent.messages
    protocol: anthropic
    baseUrl: env:SLUICE_SIMULATOR_URL
    keys: [file:secrets/simulator-key]
    promptCache: { enabled: false }
    simulated: true
  - id: simulator.messages
    protocol: anthropic
    baseUrl: env:SLUICE_SIMULATOR_URL
    keys: [file:secrets/simulator-key]
    promptCache: { duration: 1h }
    simulated: true
`;
const models = `
  - id: sim-anthropic-economy
    provider: simulator.messages
    tier: economy
    contextWindow: 200000
    prices:
      - { effectiveFrom: 2026-01-01, input: 0.80, cachedInput: 0.08, cacheWrite: 1.00, cacheWriteHour: 1.60, output: 4.00 }
  - id: sim-anthropic-standard
    provider: simulator.messages
    tier: standard
    contextWindow: 200000
    prices:
      - { effectiveFrom: 2026-01-01, input: 3.00, cachedInput: 0.30, cacheWrite: 3.75, cacheWriteHour: 6.00, output: 15.00 }
`;

const spentModels = `
  - id: spent
    provider: spent
    model: sim-premium
    tier: premium
    contextWindow: 204800
    hidesReasoning: true
    prices:
      - { effectiveFrom: 2026-01-01, input: 15.00, cachedInput: 7.50, output: 75.00 }
  - id: spent-messages
    provider: spent.messages
    model: sim-anthropic-standard
    tier: premium
    contextWindow: 200000
    prices:
      - { effectiveFrom: 2026-01-01, input: 3.00, output: 15.00 }
`;

/** The declarations of the local stack with a provider that has Anthropic's protocol. */
export const twoProtocols = local
  .replace(/^providers:$/m, `providers:${providers.trimEnd()}`)
  .replace(/^models:$/m, `models:${models.trimEnd()}${spentModels.trimEnd()}`)
  // The simulator bills writes to its cache if a fault asks for them.
  .replace("input: 2.50, cachedInput: 1.25,", "input: 2.50, cachedInput: 1.25, cacheWrite: 3.125,");
