import { BytePairs } from "./byte-pairs.ts";
import { MergeRanks } from "./merge-ranks.ts";
import { Slots } from "./slots.ts";
import { type TokenCount, TokenCounter } from "./token-counter.ts";

/** The vocabulary, and the pattern that cuts a text into pieces, none of which a token crosses. */
interface Vocabulary {
  readonly pairs: BytePairs;
  readonly pieces: RegExp;
}

/**
 * The UTF-8 bytes of the texts of one request that are counted. All texts of a body over HTTP are
 * shorter. The most expensive text of this length takes a third of a second of the process.
 */
export const countedBytesMax = 1_024 * 1_024;

/** After so many UTF-8 bytes, other work of the process gets a turn. It is a few milliseconds of work. */
const bytesAtOnce = 16 * 1_024;

/**
 * The long pieces that are counted at the same time. Each takes up to 26 MB until it is counted, and one more would
 * delay the others by as much as it gains.
 */
const longPiecesMax = 2;

/** A vocabulary of OpenAI's: `cl100k` is that of the models before GPT-4o and of their embeddings. */
export type Encoding = "cl100k" | "o200k";

/**
 * Counts exactly as a tokeniser of OpenAI's does.
 *
 * It keeps nothing of a text: a cache of pieces would keep whole prompts in memory, because a piece is
 * a view of its text.
 */
export class BytePairTokenCounter extends TokenCounter {
  private readonly longPieces = new Slots(longPiecesMax);

  private constructor(
    private readonly vocabulary: Vocabulary,
    private readonly bytesMax: number,
  ) {
    super();
  }

  /**
   * Loads a vocabulary (0.2 s, 40 MB). A process does so before it is ready, because every later request
   * needs it: a failure would refuse all of them, or leave a paid call without its estimate.
   *
   * @param bytesMax the UTF-8 bytes of one request's texts that are counted
   * @throws the error of the module loader if the vocabulary is not installed or not complete
   */
  static async load(
    encoding: Encoding = "o200k",
    bytesMax = countedBytesMax,
  ): Promise<BytePairTokenCounter> {
    return new BytePairTokenCounter(await loadVocabulary(encoding), bytesMax);
  }

  override async count(texts: readonly string[]): Promise<TokenCount> {
    const { pairs, pieces } = this.vocabulary;
    let counted = 0;
    let countedBytes = 0;
    let bytesOfTurn = 0;
    let allBytes = 0;
    for (const text of texts) {
      allBytes += Buffer.byteLength(text);
      if (countedBytes >= this.bytesMax) continue;
      for (const [piece] of text.matchAll(pieces)) {
        const bytes = Buffer.byteLength(piece);
        // A piece is counted whole or not at all, because a cut may change how its rest is split.
        if (countedBytes + bytes > this.bytesMax) break;
        // oxlint-disable-next-line no-await-in-loop -- one piece after another, with turns for others
        counted +=
          pairs.countOfShort(latin1Of(piece, bytes)) ?? (await this.countLong(piece, bytes));
        countedBytes += bytes;
        bytesOfTurn += bytes;
        if (bytesOfTurn < bytesAtOnce) continue;
        bytesOfTurn = 0;
        // oxlint-disable-next-line no-await-in-loop -- as above
        await turnOfOthers();
      }
    }
    return {
      counted: BigInt(counted),
      countedBytes: BigInt(countedBytes),
      uncountedBytes: BigInt(allBytes - countedBytes),
    };
  }

  private countLong(piece: string, bytes: number): Promise<number> {
    return this.longPieces.run(async () => {
      const work = this.vocabulary.pairs.countOfLong(latin1Of(piece, bytes));
      for (;;) {
        const step = work.next();
        if (step.done) return step.value;
        // oxlint-disable-next-line no-await-in-loop -- as above
        await turnOfOthers();
      }
    });
  }
}

/** Returns the bytes as latin1. Those of ASCII are the text itself. */
function latin1Of(piece: string, bytes: number): string {
  return bytes === piece.length ? piece : Buffer.from(piece).toString("latin1");
}

function turnOfOthers(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function loadVocabulary(encoding: Encoding): Promise<Vocabulary> {
  const [tokens, patterns] = await Promise.all([
    loadTokens(encoding),
    import("gpt-tokenizer/encodingParams/constants"),
  ]);
  const ranks = new Map<string, number>();
  tokens.forEach((token, rank) => {
    const utf8 = typeof token === "string" ? Buffer.from(token) : Buffer.from(token);
    ranks.set(utf8.toString("latin1"), rank);
  });
  const { CL100K_TOKEN_SPLIT_REGEX: cl100k, O200K_TOKEN_SPLIT_REGEX: o200k } = patterns;
  return { pairs: new BytePairs(new MergeRanks(ranks)), pieces: { cl100k, o200k }[encoding] };
}

async function loadTokens(encoding: Encoding): Promise<readonly (string | readonly number[])[]> {
  const { default: tokens } = await (encoding === "cl100k"
    ? import("gpt-tokenizer/bpeRanks/cl100k_base")
    : import("gpt-tokenizer/bpeRanks/o200k_base"));
  return tokens;
}
