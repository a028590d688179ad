import { type Issue, listIn, memberOf, type Named, namesIn, type Path } from "../given-values.ts";

/** Each attempt is compared with every budget of its tenant. */
const budgetsMax = 500;

/** Finds budgets that are well formed and that can never count anything, or that contradict each other. */
export function budgetIssuesIn(given: unknown): readonly Issue[] {
  const budgets = listIn(given, "budgets");
  const tenants = new Set(namesIn(listIn(given, "tenants"), "id", []).map(({ name }) => name));
  const declared = {
    model: namesOf(given, "models"),
    provider: namesOf(given, "providers"),
    key: new Set(
      listIn(given, "tenants").flatMap((tenant) =>
        namesIn(listIn(tenant, "keys"), "id", []).map(({ name }) => name),
      ),
    ),
  };
  return [
    ...namesIn(budgets, "tenant", ["budgets"])
      .filter(({ name }) => !tenants.has(name))
      .map(({ name, path }) => ({
        path,
        message: `no tenant has the id "${name}": declare it under tenants, or correct the name`,
      })),
    ...budgets.flatMap((budget, index) =>
      (["model", "provider", "key"] as const).flatMap((member) =>
        unknownIn(budget, member, declared[member], ["budgets", index, "selector"]),
      ),
    ),
    ...tooMany(budgets),
  ];
}

function namesOf(given: unknown, list: string): ReadonlySet<string> {
  return new Set(namesIn(listIn(given, list), "id", []).map(({ name }) => name));
}

function unknownIn(
  budget: unknown,
  member: "model" | "provider" | "key",
  declared: ReadonlySet<string>,
  path: Path,
): readonly Issue[] {
  const value = memberOf(memberOf(budget, "selector"), member);
  return selectedNames(value, [...path, member])
    .filter(({ name }) => !declared.has(name))
    .map(({ name, path: at }) => ({
      path: at,
      message: `no ${member} has the id "${name}", so the budget would count nothing of it: declare it, or correct the name`,
    }));
}

function selectedNames(value: unknown, path: Path): readonly Named[] {
  if (typeof value === "string") return [{ name: value, path }];
  if (!Array.isArray(value)) return [];
  return value.flatMap((name: unknown, index) =>
    typeof name === "string" ? [{ name, path: [...path, index] }] : [],
  );
}

function tooMany(budgets: readonly unknown[]): readonly Issue[] {
  if (budgets.length <= budgetsMax) return [];
  return [
    {
      path: ["budgets"],
      message: `${budgets.length} budgets are declared, and at most ${budgetsMax} are possible: use "each" for one limit per value`,
    },
  ];
}
