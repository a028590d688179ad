import {
  type CostCharged,
  type InferenceResponded,
  tenantTopicOf,
  tenantTopics,
  type Topic,
} from "@sluice/contracts";
import type { Outgoing } from "@sluice/stage";

interface Attributed {
  readonly attribution: { readonly tenant: string };
}

const byName: ReadonlyMap<string, Topic<InferenceResponded | CostCharged>> = new Map(
  tenantTopics.map((topic) => [topic.name, topic]),
);

/**
 * Returns the names of the tenant's own topics that get a copy of a message: of outcomes and charges, for a tenant that has
 * such topics. The producer of each service asks for every message, so that no place that ends a request can forget it.
 * Pure.
 */
export function ownTopicsOf(
  { topic, record }: Outgoing,
  tenantsWithTopics: ReadonlySet<string>,
): readonly string[] {
  const shared = byName.get(topic.name);
  if (!shared) return [];
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the records of these topics have an attribution
  const { tenant } = (record as Attributed).attribution;
  return tenantsWithTopics.has(tenant) ? [tenantTopicOf(shared, tenant).name] : [];
}
