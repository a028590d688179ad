/** Far beyond any schema of a tool; deeper JSON would overflow the stack of whoever walks it after us. */
export const jsonDepthMax = 64;

/** Whether a parsed value is nested deeper than {@link jsonDepthMax}. Does not recurse itself. */
export function isTooDeep(value: unknown): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; depth <= jsonDepthMax; depth += 1) {
    level = level.flatMap((each) =>
      typeof each === "object" && each !== null ? Object.values(each) : [],
    );
    if (level.length === 0) return false;
  }
  return true;
}
