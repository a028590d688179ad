import type { CostsSums } from "@sluice/contracts";

type Tokens = CostsSums["tokens"];

/** The classes that are shown as input and as output. Classes with the provider's own names are in neither. */
const sideOf: Readonly<Record<keyof Tokens, "input" | "output" | "neither">> = {
  input: "input",
  cachedInput: "input",
  cacheWrite: "input",
  cacheWriteHour: "input",
  output: "output",
  reasoning: "output",
  other: "neither",
};

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of a constant
const names = Object.keys(sideOf) as readonly (keyof Tokens)[];

/** Returns the tokens of all classes of one side. */
export function tokensOf(side: "input" | "output", tokens: Tokens): bigint {
  return names
    .filter((name) => sideOf[name] === side)
    .reduce((sum, name) => sum + BigInt(tokens[name]), 0n);
}
