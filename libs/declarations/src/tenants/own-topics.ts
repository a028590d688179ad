import { z } from "zod";
import { type Issue, listIn, memberOf, type Named, namesIn } from "../given-values.ts";

/** Whether a tenant has topics of its own on Kafka. */
export const ownTopics = z
  .boolean()
  .default(false)
  .describe(
    "Whether the tenant has its own inference.responded.<tenant> and cost.charged.<tenant>, for programs that read them with an account which sees nothing of other tenants.",
  );

/** Finds tenants whose own topics, or whose groups, Kafka could not keep apart. */
export function ownTopicIssuesIn(given: unknown): readonly Issue[] {
  const tenants = listIn(given, "tenants");
  const withTopics = namesIn(tenants, "id", ["tenants"]).filter(
    ({ path: [, index] }) => memberOf(tenants[Number(index)], "ownTopics") === true,
  );
  return [...sameMetricNames(withTopics), ...sharedGroups(tenants)];
}

/** Kafka refuses a topic whose name differs from another only in dots and underscores, because their metrics would be the same. */
function sameMetricNames(tenants: readonly Named[]): readonly Issue[] {
  const known = new Map<string, string>();
  return tenants.flatMap(({ name, path }) => {
    const metric = name.replaceAll(".", "_");
    const other = known.get(metric);
    known.set(metric, other ?? name);
    if (other === undefined || other === name) return [];
    const message = `Kafka cannot have topics of "${name}" and "${other}", whose names differ only in dots and underscores: rename one of them, or remove ownTopics from one`;
    return [{ path, message }];
  });
}

/**
 * The groups of a key begin with its id and a dot. A key of a tenant with topics must not reach the groups of another
 * tenant's key, because it could take over its partitions.
 */
function sharedGroups(tenants: readonly unknown[]): readonly Issue[] {
  const keys = tenants.flatMap((tenant, index) =>
    namesIn(listIn(tenant, "keys"), "id", ["tenants", index, "keys"]).map((key) => ({
      ...key,
      index,
      isOfAccount: memberOf(tenant, "ownTopics") === true,
    })),
  );
  const owners = new Map(
    keys.filter(({ isOfAccount }) => isOfAccount).map((key) => [key.name, key]),
  );
  return keys.flatMap(({ name, path, index }) => {
    const shorter = prefixesOf(name).find((prefix) => {
      const owner = owners.get(prefix);
      return owner !== undefined && owner.index !== index;
    });
    if (shorter === undefined) return [];
    const message = `the key "${shorter}" of another tenant, which has ownTopics, could use the consumer groups of this key, whose id begins with "${shorter}.": rename one of them`;
    return [{ path, message }];
  });
}

/** Returns the part of an id in front of each of its dots. */
function prefixesOf(id: string): readonly string[] {
  const parts = id.split(".");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("."));
}
