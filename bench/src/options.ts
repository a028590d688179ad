import { parseArgs } from "node:util";
import type { Plan } from "./measure/run.ts";

export interface Options {
  readonly plan: Plan;
  /** The file for the results as JSON; null for none. */
  readonly json: string | null;
  /** The folder for the services' CPU profiles; null for none. */
  readonly profiles: string | null;
  /** Whether four budgets select each request. */
  readonly budgets: boolean;
  /** The commit to compare with; empty to measure this tree only. */
  readonly commit: string;
}

const rateMax = 20_000;

/**
 * Parses the options of `npm run bench` and `npm run bench:compare`.
 *
 * @throws Error that names the wrong option and its allowed values
 */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      hits: { type: "string", default: "500,1000,2000,3000" },
      misses: { type: "string", default: "50,100,200,400" },
      seconds: { type: "string", default: "5" },
      rounds: { type: "string", default: "1" },
      connections: { type: "string", default: "2000" },
      json: { type: "string" },
      profiles: { type: "string" },
      budgets: { type: "boolean", default: false },
    },
  });
  return {
    plan: {
      hitRates: ratesIn("hits", values.hits),
      missRates: ratesIn("misses", values.misses),
      secondsPerStep: wholeIn("seconds", values.seconds, 60),
      rounds: wholeIn("rounds", values.rounds, 10),
      connectionsMax: wholeIn("connections", values.connections, 2_000),
    },
    json: values.json ?? null,
    profiles: values.profiles ?? null,
    budgets: values.budgets,
    commit: positionals[0] ?? "",
  };
}

/** An empty text means no rates of this kind. */
function ratesIn(name: string, text: string): readonly number[] {
  return text === "" ? [] : text.split(",").map((rate) => wholeIn(name, rate, rateMax));
}

function wholeIn(name: string, text: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new Error(`--${name} is "${text}", which is not a whole number from 1 to ${max}.`);
}
