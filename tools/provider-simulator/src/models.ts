/** The behaviour of a simulated model. All times are those at speed 1. */
export interface ModelProfile {
  /** Time until the first byte of an answer. */
  readonly firstByteMs: number;
  readonly tokensPerSecond: number;
  /** Tokens in one chunk of a stream. */
  readonly tokensPerChunk: number;
  /**
   * Lowest and highest ratio of reasoning tokens to visible tokens; [0, 0] for a model that does not reason.
   */
  readonly reasoningShare: readonly [least: number, most: number];
  /** If false, answers contain no usage, as with some self-hosted servers. */
  readonly reportsUsage: boolean;
}

/** Prices in nano-USD per million tokens. Reasoning tokens are billed as output. */
export interface ModelRates {
  readonly inputNanoUsdPerMillion: bigint;
  readonly cachedInputNanoUsdPerMillion: bigint;
  /** As input, for models that do not bill what they write to their prompt cache. */
  readonly cacheWriteNanoUsdPerMillion: bigint;
  readonly cacheWriteHourNanoUsdPerMillion: bigint;
  readonly outputNanoUsdPerMillion: bigint;
}

/** The route that a model answers: OpenAI's chat completions and embeddings, or Anthropic's messages. */
export type ModelInterface = "chat" | "embeddings" | "messages";

/** A model that the simulator serves. */
export interface ServedModel {
  readonly interface: ModelInterface;
  readonly profile: ModelProfile;
  readonly rates: ModelRates;
  /** Dimensions of an embedding; null for a model of another interface. */
  readonly dimensions: number | null;
  /** The fewest tokens that a breakpoint writes to the prompt cache; null for a model without breakpoints. */
  readonly cachedTokensLeast: number | null;
}

/**
 * The served models. Their rates are defined here and not shared with Sluice, so that the bill is an
 * independent reference for tests.
 */
export const servedModels: ReadonlyMap<string, ServedModel> = new Map([
  ["sim-economy", served(60, 900, [0, 0], [150_000_000n, 75_000_000n, 600_000_000n])],
  ["sim-economy-q4", served(60, 1_200, [0, 0], [50_000_000n, 25_000_000n, 200_000_000n])],
  [
    "sim-standard",
    withCacheWrites(served(120, 600, [0, 0], [2_500_000_000n, 1_250_000_000n, 10_000_000_000n]), [
      3_125_000_000n,
      3_125_000_000n,
    ]),
  ],
  ["sim-premium", served(250, 400, [0.2, 0.6], [15_000_000_000n, 7_500_000_000n, 75_000_000_000n])],
  ["sim-embedding-small", servedEmbeddings(1_536, 20_000_000n)],
  ["sim-embedding-large", servedEmbeddings(3_072, 130_000_000n)],
  [
    "sim-anthropic-economy",
    servedMessages(
      served(60, 900, [0, 0], [800_000_000n, 80_000_000n, 4_000_000_000n]),
      [1_000_000_000n, 1_600_000_000n],
      2_048,
    ),
  ],
  [
    "sim-anthropic-standard",
    servedMessages(
      served(120, 600, [0.2, 0.6], [3_000_000_000n, 300_000_000n, 15_000_000_000n]),
      [3_750_000_000n, 6_000_000_000n],
      1_024,
    ),
  ],
]);

/** @throws Error for a model that is not served */
export function interfaceOf(model: string): ModelInterface {
  const found = servedModels.get(model);
  if (!found) throw new Error(`The simulator does not serve the model '${model}'.`);
  return found.interface;
}

function served(
  firstByteMs: number,
  tokensPerSecond: number,
  reasoningShare: readonly [number, number],
  [input, cachedInput, output]: readonly [bigint, bigint, bigint],
): ServedModel {
  return {
    interface: "chat",
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
      cacheWriteNanoUsdPerMillion: input,
      cacheWriteHourNanoUsdPerMillion: input,
      outputNanoUsdPerMillion: output,
    },
    dimensions: null,
    cachedTokensLeast: null,
  };
}

/** Returns a model of embeddings. Only its input tokens are billed, because an embedding has no output tokens. */
function servedEmbeddings(dimensions: number, input: bigint): ServedModel {
  const model = served(20, 50_000, [0, 0], [input, input, 0n]);
  return { ...model, interface: "embeddings", dimensions };
}

/** Returns a model of Anthropic's interface, which bills what its breakpoints write. */
function servedMessages(
  model: ServedModel,
  writes: readonly [bigint, bigint],
  cachedTokensLeast: number,
): ServedModel {
  return { ...withCacheWrites(model, writes), interface: "messages", cachedTokensLeast };
}

/** Returns a model with rates of its own for what is written to its prompt cache for 5 minutes and for an hour. */
function withCacheWrites(
  model: ServedModel,
  [cacheWrite, cacheWriteHour]: readonly [bigint, bigint],
): ServedModel {
  const rates = {
    ...model.rates,
    cacheWriteNanoUsdPerMillion: cacheWrite,
    cacheWriteHourNanoUsdPerMillion: cacheWriteHour,
  };
  return { ...model, rates };
}
