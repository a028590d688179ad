/** Levels of nesting, far more than the schema of a tool needs. Deeper JSON could overflow the stack of a recursive function in a later stage. */
export const jsonDepthMax = 64;

/** Returns whether a parsed value is nested deeper than {@link jsonDepthMax}. It is not recursive, so no value overflows its stack. */
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
