import { type NanoUsd, parseUsd, tiers, embeddingBytesMax } from "@sluice/domain";
import { z } from "zod";

const id = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._]{0,63}$/,
    "lower-case letters, digits, dots and underscores, at most 64",
  );
const name = z
  .string()
  .regex(/^[\w.:/-]{1,128}$/, "letters, digits and . : / _ -, at most 128 characters");

/** `env:NAME` or `file:path`; a secret itself never stands in the file. */
const secretReference = z
  .string()
  .regex(/^(env:\w+|file:.+)$/, "env:NAME or file:path; never the secret itself");

/** Dollars per million tokens, exact to a nano-dollar. */
const rate = z.union([z.number(), z.string()]).transform((value, context): NanoUsd => {
  const amount = parseUsd(String(value));
  if (amount !== undefined) return amount;
  context.addIssue("dollars per million tokens, as a decimal number with at most nine decimals");
  return z.NEVER;
});

const date = z
  .union([z.iso.date(), z.iso.datetime()])
  .transform((text) => Date.parse(text))
  .describe("Day (at midnight UTC) or time, RFC 3339.");

const price = z.strictObject({
  effectiveFrom: date,
  inputAboveTokens: z.number().int().positive().transform(BigInt).optional(),
  input: rate,
  output: rate,
  cachedInput: rate.optional(),
  cacheWrite: rate.optional(),
  reasoning: rate.optional(),
  other: z.record(z.string(), rate).default({}),
});

const share = z.number().min(0).max(1);

const model = z.strictObject({
  id: name.describe("Id of the variant; what a request may name as model."),
  provider: id,
  model: name.optional().describe("Name under which the provider serves it; the id where absent."),
  tier: z.enum(tiers),
  quantisation: name.optional().describe("q4, q8, fp8 …; absent for the published weights."),
  contextWindow: z
    .number()
    .int()
    .positive()
    .describe("Tokens of input and output together; of an embedding model, those of one input."),
  dimensions: z
    .number()
    .int()
    .min(1)
    .max(embeddingBytesMax / 4)
    .optional()
    .describe("Makes it an embedding model: how many numbers its embeddings have. It never chats."),
  accuracy: z
    .strictObject({ simple: share, medium: share, complex: share })
    .partial()
    .default({})
    .describe("Measured share of right answers per complexity."),
  p95LatencyMs: z.number().int().positive().optional(),
  prices: z.array(price).min(1),
});

const provider = z.strictObject({
  id,
  baseUrl: z
    .string()
    .regex(/^(env:\w+|https?:\/\/.+)$/, "an http(s) address or env:NAME")
    .describe("Base address of an OpenAI-compatible API, with /v1 where the provider has it."),
  keys: z.array(secretReference).min(1),
  simulated: z.boolean().default(false).describe("Labels the provider wherever it is shown."),
});

const key = z.strictObject({
  id: id.describe("Stands in the API key and in every charge."),
  secret: secretReference,
  team: name,
  feature: name,
  user: name,
  revoked: z.boolean().default(false),
});

const tenant = z.strictObject({ id, keys: z.array(key).default([]) });

const outputLimit = (preset: number) => z.number().int().min(1).max(1_000_000).default(preset);

const dayS = 24 * 60 * 60;

/** What an operator declares in sluice.yaml. */
export const sluiceYaml = z.strictObject({
  tenants: z.array(tenant).min(1),
  providers: z.array(provider).min(1),
  models: z.array(model).min(1),
  routing: z
    .strictObject({
      outputLimits: z
        .strictObject({
          economy: outputLimit(1_024),
          standard: outputLimit(2_048),
          premium: outputLimit(4_096),
        })
        .prefault({})
        .describe("Most tokens of an answer where the caller set none."),
    })
    .prefault({}),
  cache: z
    .strictObject({
      enabled: z.boolean().default(true),
      ttlSeconds: z
        .number()
        .int()
        .min(1)
        .max(30 * dayS)
        .default(dayS),
    })
    .prefault({}),
});

export type SluiceYaml = z.output<typeof sluiceYaml>;
