import { type Issue, listIn, memberOf, namesIn, type Path } from "../given-values.ts";

const boundNames = ["requestsPerMinute", "tokensPerMinute", "concurrency"];

/** Each request is compared with every limit of its tenant, and one script counts it in all that select it. */
const limitsMax = 500;

/** Finds limits that limit nothing, and limits of tenants that do not exist. */
export function limitIssuesIn(given: unknown): readonly Issue[] {
  const tenants = listIn(given, "tenants");
  const limits = listIn(given, "limits");
  const declared = new Set(namesIn(tenants, "id", []).map(({ name }) => name));
  return [
    ...tenants.flatMap((tenant, index) =>
      listIn(tenant, "keys").flatMap((key, place) =>
        boundless(memberOf(key, "limits"), ["tenants", index, "keys", place, "limits"]),
      ),
    ),
    ...limits.flatMap((limit, index) => boundless(limit, ["limits", index])),
    ...repeatedIds(limits),
    ...namesIn(limits, "tenant", ["limits"])
      .filter(({ name }) => !declared.has(name))
      .map(({ name, path }) => ({
        path,
        message: `no tenant has the id "${name}": declare it under tenants, or correct the name`,
      })),
    ...tooMany(limits),
  ];
}

function boundless(limit: unknown, path: Path): readonly Issue[] {
  if (typeof limit !== "object" || limit === null) return [];
  if (boundNames.some((name) => memberOf(limit, name) !== undefined)) return [];
  return [{ path, message: `it limits nothing: declare ${boundNames.join(", ")}, or remove it` }];
}

function repeatedIds(limits: readonly unknown[]): readonly Issue[] {
  const seen = new Set<string>();
  return namesIn(limits, "id", ["limits"]).flatMap(({ name, path }) => {
    const isRepeated = seen.has(name);
    seen.add(name);
    const message = `another limit has the id "${name}": rename one of them`;
    return isRepeated ? [{ path, message }] : [];
  });
}

function tooMany(limits: readonly unknown[]): readonly Issue[] {
  if (limits.length <= limitsMax) return [];
  const message = `${limits.length} limits are declared, and at most ${limitsMax} are possible: use "each" for one limit per value`;
  return [{ path: ["limits"], message }];
}
