import { parseArgs } from "node:util";
import type { Plan } from "./measure/run.ts";

export interface Options {
  readonly plan: Plan;
  /** Where the results are written as JSON; null for nowhere. */
  readonly json: string | null;
  /** Where the services leave their CPU profiles; null for none. */
  readonly profiles: string | null;
  /** What is compared with; empty for the measurement of this tree alone. */
  readonly commit: string;
}

const rateMax = 20_000;

/** @throws Error that says which option is wrong, and what it may be. */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      hits: { type: "string", default: "500,1000,2000,3000" },
      misses: { type: "string", default: "50,100,200,400" },
      seconds: { type: "string", default: "5" },
      rounds: { type: "string", default: "1" },
      json: { type: "string" },
      profiles: { type: "string" },
    },
  });
  return {
    plan: {
      hitRates: ratesIn("hits", values.hits),
      missRates: ratesIn("misses", values.misses),
      secondsPerStep: wholeIn("seconds", values.seconds, 60),
      rounds: wholeIn("rounds", values.rounds, 10),
    },
    json: values.json ?? null,
    profiles: values.profiles ?? null,
    commit: positionals[0] ?? "",
  };
}

/** Empty for none of that kind. */
function ratesIn(name: string, text: string): readonly number[] {
  return text === "" ? [] : text.split(",").map((rate) => wholeIn(name, rate, rateMax));
}

function wholeIn(name: string, text: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new Error(`--${name}: "${text}" is no whole number from 1 to ${max}.`);
}
