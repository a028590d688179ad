/** The behaviour of a simulated model. All times are those at speed 1. */
export interface ModelProfile {
  /** Time until the first byte of an answer. */
  readonly firstByteMs: number;
  readonly tokensPerSecond: number;
  /** Tokens in one chunk of a stream. */
  readonly tokensPerChunk: number;
  /**
   * Lowest and highest ratio of hidden reasoning tokens to visible tokens; [0, 0] for a model that does not
   * reason.
   */
  readonly reasoningShare: readonly [least: number, most: number];
  /** If false, answers contain no usage, as with some self-hosted servers. */
  readonly reportsUsage: boolean;
}

/** Prices in nano-USD per million tokens. Reasoning tokens are billed as output. */
export interface ModelRates {
  readonly inputNanoUsdPerMillion: bigint;
  readonly cachedInputNanoUsdPerMillion: bigint;
  readonly outputNanoUsdPerMillion: bigint;
}

/** A model that the simulator serves. */
export interface ServedModel {
  readonly profile: ModelProfile;
  readonly rates: ModelRates;
  /** Dimensions of an embedding; null for a model of chat completions. */
  readonly dimensions: number | null;
}

/**
 * The served models. Their rates are defined here and not shared with Sluice, so that the bill is an
 * independent reference for tests.
 */
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

/** Returns a model of embeddings. Only its input tokens are billed, because an embedding has no output tokens. */
function servedEmbeddings(dimensions: number, input: bigint): ServedModel {
  return { ...served(20, 50_000, [0, 0], [input, input, 0n]), dimensions };
}
