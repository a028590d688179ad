/** Marks every simulated text. It counts as one token, so even the shortest answer is labelled. */
export const LABEL = "[simulated]";

// Every character falls under exactly one alternative, each of bounded length:
// the scan is linear, and the tokens joined again are the text.
const TOKEN = /\[simulated\]| ?[A-Za-z0-9]{1,10}| ?[^\sA-Za-z0-9]|\s{1,16}/gu;

/**
 * The simulator's own tokeniser. One token is: the label; up to ten ASCII letters or
 * digits with at most one space before them; any other visible character likewise; a
 * run of up to sixteen spaces and line breaks.
 *
 * It is simple on purpose, and near to what real tokenisers give for English prose.
 */
export function tokensOf(text: string): readonly string[] {
  return text.match(TOKEN) ?? [];
}

/** Tokens of a text by {@link tokensOf}. */
export function countTokens(text: string): number {
  return tokensOf(text).length;
}
