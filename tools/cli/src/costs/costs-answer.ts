/** The response of the accountant's `GET /costs`. Tokens and nano-USD are decimal strings. */
export interface CostsAnswer {
  readonly by: readonly string[];
  readonly rows: readonly (CostsSums & { readonly dimensions: Readonly<Record<string, string>> })[];
  readonly total: CostsSums;
  readonly truncated: boolean;
}

export interface CostsSums {
  readonly requests: number;
  readonly attempts: number;
  readonly hits: number;
  readonly tokens: Readonly<
    Record<"input" | "cachedInput" | "cacheWrite" | "output" | "reasoning" | "other", string>
  >;
  readonly savedTokens: Readonly<Record<"input" | "output", string>>;
  readonly spendNanoUsd: string;
  readonly savedNanoUsd: string;
}
