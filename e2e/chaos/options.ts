import { parseArgs } from "node:util";

export interface ChaosOptions {
  readonly seed: number;
  readonly faults: number;
  readonly pairs: number;
  /** The only targets; null for all parts and services. */
  readonly only: readonly string[] | null;
}

/** The form that the test suite runs, within six minutes. */
export const shortForm = { faults: 6, pairs: 1 } as const;
const longForm = { faults: 60, pairs: 20 } as const;
const seedMax = 2 ** 32 - 1;

/**
 * Parses the options of `npm run chaos`.
 *
 * @param randomSeed the seed if the options contain none
 * @throws Error that names the wrong option and its allowed values
 */
export function parseOptions(args: readonly string[], randomSeed: number): ChaosOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      faults: { type: "string" },
      pairs: { type: "string" },
      only: { type: "string" },
      short: { type: "boolean", default: false },
    },
  });
  const form = values.short ? shortForm : longForm;
  const faults = wholeIn("faults", values.faults, form.faults, 1, 1_000);
  return {
    seed: wholeIn("seed", values.seed, randomSeed, 0, seedMax),
    faults,
    pairs: wholeIn("pairs", values.pairs, Math.min(form.pairs, faults), 0, faults),
    only: values.only === undefined ? null : values.only.split(","),
  };
}

/** @throws Error that names the unknown target and the known ones */
export function chosenTargets(
  known: readonly string[],
  only: ChaosOptions["only"],
): readonly string[] {
  const unknown = (only ?? []).filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new Error(`--only names "${unknown.join()}". The targets are ${known.join(", ")}.`);
  return only ?? known;
}

function wholeIn(
  name: string,
  text: string | undefined,
  absent: number,
  min: number,
  max: number,
): number {
  if (text === undefined) return absent;
  const value = Number(text);
  if (text !== "" && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`--${name} is "${text}", which is not a whole number from ${min} to ${max}.`);
}
