/** The most characters of a provider's usage object that are stored. It has about 400. */
const rawLengthMax = 16 * 1_024;

/** Returns a provider's own usage object as JSON; null if it is too large to be stored. */
export function rawUsageOf(wire: object): string | null {
  const raw = JSON.stringify(wire);
  return raw.length <= rawLengthMax ? raw : null;
}
