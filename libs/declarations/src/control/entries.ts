import { memberOf } from "../given-values.ts";

/** The kinds of entries. Each has a topic of its own. */
export const kinds = [
  "tenants",
  "keys",
  "budgets",
  "providers",
  "models",
  "prices",
  "policies",
] as const;

export type Kind = (typeof kinds)[number];

/** One part of sluice.yaml that is changed, and read, as a whole. */
export interface Entry {
  readonly kind: Kind;
  /** The id that the file gives the entry; for prices that of their model, for policies the name of the section. */
  readonly id: string;
  /** Plain values in the form of the file. */
  readonly declared: unknown;
}

type Members = Readonly<Record<string, unknown>>;

/** Sections that are lists of entries with ids. Every other section is one policy, also one that is added later. */
const lists = ["tenants", "providers", "models", "budgets"] as const;

/**
 * Returns the entries of a file that was checked. Keys are separate from their tenant and prices from their model, because
 * other people change them, and more often.
 */
export function entriesOf(given: unknown): readonly Entry[] {
  return Object.entries(membersOf(given)).flatMap(([section, value]): readonly Entry[] => {
    if (section === "tenants") return listOf(value).flatMap(tenantEntries);
    if (section === "models") return listOf(value).flatMap(modelEntries);
    const kind = lists.find((each) => each === section);
    if (kind) return listOf(value).map((declared) => ({ kind, id: idOf(declared), declared }));
    return [{ kind: "policies", id: section, declared: value }];
  });
}

/** Returns the content of a file that has these entries, in the order of their ids. Inverse of {@link entriesOf}. */
export function givenOf(entries: readonly Entry[]): Members {
  const sorted = entries.toSorted((left, right) => (left.id < right.id ? -1 : 1));
  const of = (kind: Kind) => sorted.filter((entry) => entry.kind === kind);
  const prices = new Map(of("prices").map(({ id, declared }) => [id, declared]));
  const keys = of("keys").map(({ declared }) => membersOf(declared));
  return {
    ...Object.fromEntries(of("policies").map(({ id, declared }) => [id, declared])),
    tenants: of("tenants").map(({ id, declared }) => ({
      ...membersOf(declared),
      keys: keys.filter(({ tenant }) => tenant === id).map(({ tenant: _tenant, ...key }) => key),
    })),
    providers: of("providers").map(({ declared }) => declared),
    models: of("models").map(({ id, declared }) => {
      const priced = prices.get(id);
      return priced === undefined ? declared : { ...membersOf(declared), prices: priced };
    }),
    budgets: of("budgets").map(({ declared }) => declared),
  };
}

function tenantEntries(given: unknown): readonly Entry[] {
  const { keys, ...tenant } = membersOf(given);
  const id = idOf(given);
  return [
    { kind: "tenants", id, declared: tenant },
    ...listOf(keys).map((key): Entry => ({
      kind: "keys",
      id: idOf(key),
      declared: { tenant: id, ...membersOf(key) },
    })),
  ];
}

function modelEntries(given: unknown): readonly Entry[] {
  const { prices, ...model } = membersOf(given);
  const id = idOf(given);
  return [
    { kind: "models", id, declared: model },
    { kind: "prices", id, declared: prices },
  ];
}

function idOf(given: unknown): string {
  return String(memberOf(given, "id"));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function membersOf(value: unknown): Members {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
