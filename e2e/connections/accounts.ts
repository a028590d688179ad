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

export const permitted: Readonly<Record<string, Permitted>> = {
  "sluice-ingress": {
    reads: ["inference.requested"],
    writes: [
      "inference.admitted",
      "inference.responded",
      "cost.metered",
      "inference.requested.dead-letter",
    ],
    groups: ["sluice.ingress.intake"],
  },
  "sluice-cache-lookup": {
    reads: ["inference.admitted", "inference.responded"],
    writes: [
      "inference.missed",
      "inference.responded",
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
    reads: ["inference.classified"],
    writes: [
      "inference.dispatched.realtime",
      "inference.responded",
      "inference.classified.dead-letter",
    ],
    groups: ["sluice.dispatcher"],
  },
  "sluice-inference-adapter": {
    reads: ["inference.dispatched.realtime"],
    writes: [
      "inference.attempted",
      "inference.responded",
      "cost.metered",
      "inference.dispatched.realtime.dead-letter",
    ],
    groups: ["sluice.inference-adapter"],
  },
  "sluice-cost-accountant": {
    reads: ["cost.metered", "inference.attempted"],
    writes: [
      "cost.charged",
      "cost.metered",
      "cost.metered.dead-letter",
      "inference.attempted.dead-letter",
    ],
    groups: ["sluice.cost-accountant", "sluice.cost-accountant.intents"],
  },
  // A tenant's program: sends requests, and reads outcomes and costs.
  shop: {
    reads: ["inference.responded", "cost.charged"],
    writes: ["inference.requested"],
    groups: ["sluice.client.demo.anything"],
  },
  // An account that the broker knows, but that has no rights.
  stranger: { reads: [], writes: [], groups: [] },
};
