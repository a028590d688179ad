/** Where a value is in the file, from its root. */
export type Path = readonly (string | number)[];

export interface Issue {
  readonly path: Path;
  readonly message: string;
}

export interface Named {
  readonly name: string;
  readonly path: Path;
}

/** Returns the texts under a member of each entry, with their paths. Entries without one are skipped. */
export function namesIn(entries: readonly unknown[], member: string, path: Path): readonly Named[] {
  return entries.flatMap((entry, index) => {
    const name = memberOf(entry, member);
    return typeof name === "string" ? [{ name, path: [...path, index, member] }] : [];
  });
}

export function listIn(value: unknown, member: string): readonly unknown[] {
  const list = memberOf(value, member);
  return Array.isArray(list) ? list : [];
}

export function memberOf(value: unknown, member: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, member) : undefined;
}
