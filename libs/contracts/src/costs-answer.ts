import type { TokenClass } from "@sluice/domain";

/**
 * The JSON that `GET /costs` on the accountant's admin port returns. Counts are numbers. Tokens and
 * nano-USD are decimal strings, because they can be larger than a JSON number holds exactly.
 */
export interface CostsAnswer {
  /** Names of the dimensions, in the order of the query. */
  readonly by: readonly string[];
  /** The highest spend first. */
  readonly rows: readonly (CostsSums & {
    readonly dimensions: Readonly<Partial<Record<string, string>>>;
  })[];
  /** Covers all rows, including those that were cut off. */
  readonly total: CostsSums;
  /** Whether there are more rows than these. */
  readonly truncated: boolean;
}

type ShortNameOf<Name extends string> = Name extends `${infer Short}Tokens` ? Short : never;

/** Sums of charges and savings. Its token classes are disjoint. */
export interface CostsSums {
  readonly requests: number;
  readonly attempts: number;
  readonly hits: number;
  readonly tokens: Readonly<Record<ShortNameOf<TokenClass | "otherTokens">, string>>;
  readonly savedTokens: Readonly<Record<"input" | "output", string>>;
  readonly spendNanoUsd: string;
  readonly savedNanoUsd: string;
}
