/** How a simulated model behaves; every time is at speed 1. */
export interface ModelProfile {
  /** Milliseconds until the first byte of an answer. */
  readonly firstByteMs: number;
  readonly tokensPerSecond: number;
  /** Tokens in one chunk of a stream. */
  readonly tokensPerChunk: number;
  /** Share of hidden reasoning tokens per visible token, as least and most; [0, 0] for none. */
  readonly reasoningShare: readonly [least: number, most: number];
  /** false: answers carry no usage, as with some self-hosted servers. */
  readonly reportsUsage: boolean;
}

/** What a token costs, in nano-USD per million tokens. Reasoning is billed as output. */
export interface ModelRates {
  readonly inputNanoUsdPerMillion: bigint;
  readonly cachedInputNanoUsdPerMillion: bigint;
  readonly outputNanoUsdPerMillion: bigint;
}

export interface ServedModel {
  readonly profile: ModelProfile;
  readonly rates: ModelRates;
  /** Of an embedding, where the model makes embeddings; null for one that chats. */
  readonly dimensions: number | null;
}

/** The served models. Their rates are the simulator's own: its bill is the oracle. */
export const servedModels: ReadonlyMap<string, ServedModel> = new Map([
  ["sim-economy", served(60, 900, [0, 0], [150_000_000n, 75_000_000n, 600_000_000n])],
  ["sim-economy-q4", served(60, 1_200, [0, 0], [50_000_000n, 25_000_000n, 200_000_000n])],
  ["sim-standard", served(120, 600, [0, 0], [2_500_000_000n, 1_250_000_000n, 10_000_000_000n])],
  ["sim-premium", served(250, 400, [0.2, 0.6], [15_000_000_000n, 7_500_000_000n, 75_000_000_000n])],
  ["sim-embedding-small", servedEmbeddings(1_536, 20_000_000n)],
  ["sim-embedding-large", servedEmbeddings(3_072, 130_000_000n)],
]);

function served(
  firstByteMs: number,
  tokensPerSecond: number,
  reasoningShare: readonly [number, number],
  [input, cachedInput, output]: readonly [bigint, bigint, bigint],
): ServedModel {
  return {
    profile: {
      firstByteMs,
      tokensPerSecond,
      tokensPerChunk: 4,
      reasoningShare,
      reportsUsage: true,
    },
    rates: {
      inputNanoUsdPerMillion: input,
      cachedInputNanoUsdPerMillion: cachedInput,
      outputNanoUsdPerMillion: output,
    },
    dimensions: null,
  };
}

/** Embeddings have no output: only what is read is billed. */
function servedEmbeddings(dimensions: number, input: bigint): ServedModel {
  return { ...served(20, 50_000, [0, 0], [input, input, 0n]), dimensions };
}
