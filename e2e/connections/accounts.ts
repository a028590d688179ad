/**
 * The rights that each account should have on Kafka, without the topic prefix. The list is written by
 * hand and not derived from the table that generates the ACLs, because the comparison could not fail
 * otherwise.
 */
export interface Permitted {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly groups: readonly string[];
}

/** The outcomes and the charges of the two tenants that have topics of their own. */
const responded = ["inference.responded", "inference.responded.alpha", "inference.responded.beta"];
const charged = ["cost.charged", "cost.charged.alpha", "cost.charged.beta"];

/** The declarations of the operator, which every service but the classifier follows, and none writes. */
const declarations = [
  "tenants",
  "keys",
  "budgets",
  "providers",
  "models",
  "prices",
  "policies",
].map((kind) => `control.${kind}`);

export const permitted: Readonly<Record<string, Permitted>> = {
  "sluice-ingress": {
    reads: ["inference.requested", ...declarations],
    writes: ["inference.admitted", ...responded, "cost.metered", "inference.requested.dead-letter"],
    groups: ["sluice.ingress.intake"],
  },
  "sluice-cache-lookup": {
    reads: ["inference.admitted", "inference.responded", ...declarations],
    writes: [
      "inference.missed",
      ...responded,
      "cost.metered",
      "inference.admitted.dead-letter",
      "inference.responded.dead-letter",
    ],
    groups: ["sluice.cache-lookup", "sluice.cache-lookup.fill"],
  },
  "sluice-classifier": {
    reads: ["inference.missed"],
    writes: ["inference.classified", "inference.missed.dead-letter"],
    groups: ["sluice.classifier"],
  },
  "sluice-dispatcher": {
    reads: ["inference.classified", ...declarations],
    writes: ["inference.dispatched.realtime", ...responded, "inference.classified.dead-letter"],
    groups: ["sluice.dispatcher"],
  },
  "sluice-inference-adapter": {
    reads: ["inference.dispatched.realtime", ...declarations],
    writes: [
      "inference.attempted",
      ...responded,
      "cost.metered",
      "inference.dispatched.realtime.dead-letter",
    ],
    groups: ["sluice.inference-adapter"],
  },
  "sluice-cost-accountant": {
    reads: ["cost.metered", "inference.attempted", ...declarations],
    writes: [
      ...charged,
      "cost.metered",
      "cost.metered.dead-letter",
      "inference.attempted.dead-letter",
    ],
    groups: ["sluice.cost-accountant", "sluice.cost-accountant.intents"],
  },
  // The program of an operator: sends requests, and reads the outcomes and costs of all tenants.
  shop: {
    reads: ["inference.responded", "cost.charged"],
    writes: ["inference.requested"],
    groups: ["sluice.client.demo.anything"],
  },
  // The programs of a tenant that has topics of its own.
  ...Object.fromEntries(
    ["alpha", "beta"].map((tenant) => [
      `sluice-tenant-${tenant}`,
      {
        reads: [`inference.responded.${tenant}`, `cost.charged.${tenant}`],
        writes: ["inference.requested"],
        groups: [`sluice.client.${tenant}.anything`],
      },
    ]),
  ),
  // An account that the broker knows, but that has no rights.
  stranger: { reads: [], writes: [], groups: [] },
};
