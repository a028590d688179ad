/** The label of every simulated text. It counts as one token, so that even the shortest answer contains it. */
export const LABEL = "[simulated]";

// Every character matches exactly one alternative, and each alternative has a bounded length. The scan is
// therefore linear, and the joined tokens are the original text.
const TOKEN = /\[simulated\]| ?[A-Za-z0-9]{1,10}| ?[^\sA-Za-z0-9]|\s{1,16}/gu;

/**
 * Splits the text of an answer into the simulator's own tokens. A token is the label; or up to ten ASCII letters
 * or digits with at most one space before them; or any other visible character, also with at most one space
 * before it; or a run of up to sixteen spaces and line breaks.
 *
 * The rule is simple on purpose: a text that is cut between two tokens keeps its tokens, and the label is one.
 * For English prose it gives about as many tokens as real tokenisers. Prompts are counted by `vocabulary.ts`.
 */
export function tokensOf(text: string): readonly string[] {
  return text.match(TOKEN) ?? [];
}

/** The characters of the longest token. */
export const tokenCharactersMax = 16;

/** Counts the tokens of a text by {@link tokensOf}. */
export function countTokens(text: string): number {
  return tokensOf(text).length;
}
