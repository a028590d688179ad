/** The values that a dimension may have. A dimension that is absent may have any. */
export type Selector<D extends string> = Readonly<
  Partial<Record<D, readonly string[] | undefined>>
>;

/** The values of something that a selector may select. null means that it has none. */
export type Subject<D extends string> = Readonly<Record<D, string | null>>;

/** Whether each dimension has one of the values that the selector allows. */
export function isSelected<D extends string>(
  dimensions: readonly D[],
  selector: Selector<D>,
  subject: Subject<D>,
): boolean {
  return dimensions.every((dimension) => {
    const allowed = selector[dimension];
    const value = subject[dimension];
    return allowed === undefined || (value !== null && allowed.includes(value));
  });
}

/**
 * Returns the values of the dimensions as one text, for example `team=support,user=ann`. Values are percent-encoded, so that
 * no value can imitate another scope.
 */
export function scopeOf<D extends string>(dimensions: readonly D[], subject: Subject<D>): string {
  return dimensions
    .map((dimension) => `${dimension}=${encodeURIComponent(subject[dimension] ?? "")}`)
    .join(",");
}
