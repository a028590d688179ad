import { Injectable } from "@nestjs/common";
import { TokenCounter } from "./token-counter.ts";

type CountTokens = (text: string, options: { readonly disallowedSpecial: Set<string> }) => number;

/**
 * The tokeniser's time grows with the square of a run of letters without a break: 16,000 letters
 * take 170 ms, during which the process does nothing else. Texts are therefore cut into pieces, which
 * adds at most one token per piece.
 */
const pieceLength = 2_000;
/** After this many pieces, other calls of the process get a turn. */
const piecesAtOnce = 50;

/**
 * Counts with OpenAI's o200k vocabulary. The vocabulary is loaded at the first estimate (0.1 s,
 * 70 MB), because most processes never need one.
 */
@Injectable()
export class O200kTokenCounter extends TokenCounter {
  #loading: Promise<CountTokens> | undefined;

  override async count(texts: readonly string[]): Promise<bigint> {
    this.#loading ??= import("gpt-tokenizer/encoding/o200k_base").then(
      ({ countTokens }) => countTokens,
    );
    const countTokens = await this.#loading;
    // A text may contain the name of a control token, which is then counted as text.
    const options = { disallowedSpecial: new Set<string>() };
    let sum = 0;
    let pieces = 0;
    for (const text of texts)
      for (let from = 0; from < text.length; from += pieceLength) {
        sum += countTokens(text.slice(from, from + pieceLength), options);
        pieces += 1;
        if (pieces % piecesAtOnce === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    return BigInt(sum);
  }
}
