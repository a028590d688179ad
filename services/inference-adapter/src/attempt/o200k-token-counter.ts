import { Injectable } from "@nestjs/common";
import { TokenCounter } from "./ports.ts";

type CountTokens = (text: string, options: { readonly disallowedSpecial: Set<string> }) => number;

/**
 * The tokeniser's time grows with the square of a run without breaks (16,000
 * letters: 170 ms, in which no other call moves). Cutting costs at most one
 * token per piece.
 */
const pieceLength = 2_000;
/** A longer text lets other calls move in between. */
const piecesAtOnce = 50;

/** OpenAI's o200k vocabulary. Loaded at the first estimate (0.1 s, 70 MB): most processes never need one. */
@Injectable()
export class O200kTokenCounter extends TokenCounter {
  #loading: Promise<CountTokens> | undefined;

  override async count(texts: readonly string[]): Promise<bigint> {
    this.#loading ??= import("gpt-tokenizer/encoding/o200k_base").then(
      ({ countTokens }) => countTokens,
    );
    const countTokens = await this.#loading;
    // Text that spells a control token is text here.
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
