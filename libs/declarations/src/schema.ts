import { type NanoUsd, parseUsd, tiers, embeddingBytesMax } from "@sluice/domain";
import { z } from "zod";
import { answerMembers, requestMembers } from "./additional-members.ts";
import { budget, timeZone } from "./budgets/budget-schema.ts";
import { declaredId as id, declaredName as name } from "./declared-names.ts";
import { keyLimits, limit, loops, weight } from "./limits/limits-schema.ts";
import { presetNames } from "./presets.ts";
import { mayName } from "./tenants/may-name.ts";
import { ownTopics } from "./tenants/own-topics.ts";

/** Accepts `env:NAME` or `file:path`, because the file must never contain the secret itself. */
const secretReference = z
  .string()
  .regex(/^(env:\w+|file:.+)$/, "expected env:NAME or file:path, never the secret itself");

/** Accepts dollars per million tokens and gives them exactly, in nano-dollars. */
const rate = z.union([z.number(), z.string()]).transform((value, context): NanoUsd => {
  const amount = parseUsd(String(value));
  if (amount !== undefined) return amount;
  context.addIssue(
    "expected dollars per million tokens, as a decimal number with at most nine decimals",
  );
  return z.NEVER;
});

const date = z
  .union([z.iso.date(), z.iso.datetime()])
  .transform((text) => Date.parse(text))
  .describe("A day (from midnight UTC) or a time, in RFC 3339.");

const price = z.strictObject({
  effectiveFrom: date,
  inputAboveTokens: z.number().int().positive().transform(BigInt).optional(),
  input: rate,
  output: rate,
  cachedInput: rate.optional(),
  cacheWrite: rate.optional(),
  cacheWriteHour: rate.optional(),
  reasoning: rate.optional(),
  other: z.record(z.string(), rate).default({}),
});

const share = z.number().min(0).max(1);

/** An hour; the deadline of a request ends it before. */
const timeToFirstByteSeconds = z.number().int().min(1).max(3_600).optional();

/** A tokeniser without any vocabulary needs as many tokens as bytes, which bound every margin. */
const tokenMarginPercent = z.number().int().min(0).max(1_000).optional();

const outputLimitParameter = z.enum(["max_tokens", "max_completion_tokens"]).optional();

const promptCache = z
  .strictObject({
    enabled: z.boolean().optional(),
    minTokens: z.number().int().min(1).max(1_000_000).optional(),
    duration: z.enum(["5m", "1h"]).optional(),
  })
  .optional();

const thinking = z.enum(["budget", "effort"]).optional();

const model = z.strictObject({
  id: name.describe("Id of the variant, which a request may name as its model."),
  provider: id,
  model: name
    .optional()
    .describe("The name under which the provider serves the model; the id if absent."),
  tier: z.enum(tiers),
  quantisation: name
    .optional()
    .describe("For example q4, q8 or fp8; absent for the published weights."),
  contextWindow: z
    .number()
    .int()
    .positive()
    .describe(
      "Tokens of input and output together; for an embedding model, the tokens of one input.",
    ),
  pictureTokensMax: z
    .number()
    .int()
    .positive()
    .default(5_000)
    .describe(
      "The most tokens that the provider charges for one picture. Most models stay below the preset of 5,000; gpt-4o-mini charges up to 48,200.",
    ),
  tokenMarginPercent: tokenMarginPercent.describe(
    "By how many percent more tokens the model may need for a text than OpenAI's vocabularies; that of its provider if absent. It is part of the worst case.",
  ),
  dimensions: z
    .number()
    .int()
    .min(1)
    .max(embeddingBytesMax / 4)
    .optional()
    .describe(
      "How many numbers an embedding has. A model with this member makes embeddings and never chats.",
    ),
  accuracy: z
    .strictObject({ simple: share, medium: share, complex: share })
    .partial()
    .default({})
    .describe("Measured share of right answers for each complexity."),
  p95LatencyMs: z.number().int().positive().optional(),
  timeToFirstByteSeconds: timeToFirstByteSeconds.describe(
    "How long the model may be silent before its answer begins; that of its provider if absent.",
  ),
  outputLimitParameter: outputLimitParameter.describe(
    "The name under which the model takes the output limit; that of its provider if absent.",
  ),
  reasoningInHistory: z
    .boolean()
    .optional()
    .describe(
      "Whether the model takes the reasoning of earlier answers in the history; as its provider if absent.",
    ),
  requestMembers: requestMembers.describe(
    "Names of members that a request for the model may have in addition to those of OpenAI's API; those of its provider if absent.",
  ),
  answerMembers: answerMembers.describe(
    "Names of members of an answer's message that clients receive in addition to those of OpenAI's API; those of its provider if absent.",
  ),
  promptCache: promptCache.describe(
    "For Anthropic's protocol: when prompts are cached. Members that are absent are those of its provider.",
  ),
  thinking: thinking.describe(
    "For Anthropic's protocol: how the model receives reasoning_effort; as its provider if absent.",
  ),
  hidesReasoning: z
    .boolean()
    .default(false)
    .describe(
      "Whether the model reasons and does not show it, so that only the usage at the end of an answer says how much. A call whose client leaves is then read to its end, and one that breaks off is estimated at its upper bound.",
    ),
  prices: z.array(price).min(1),
});

const provider = z.strictObject({
  id,
  preset: z
    .enum(presetNames)
    .optional()
    .describe(
      "A provider whose address, protocol and dialect Sluice knows. Each member that the file declares replaces that of the preset.",
    ),
  protocol: z
    .enum(["openai", "anthropic"])
    .optional()
    .describe(
      "The API that the provider serves: OpenAI's, or Anthropic's messages; that of the preset, or openai, if absent.",
    ),
  baseUrl: z
    .string()
    .optional()
    .describe(
      "Base address of the API, or env:NAME; that of the preset if absent. For openai it has /v1 if the provider has it, and for anthropic it may have /v1. It has no user, password, query or fragment.",
    ),
  allowPlainHttp: z
    .boolean()
    .default(false)
    .describe(
      "Whether the address may be http:// on another machine. Keys and prompts are then readable on the network between them.",
    ),
  keys: z.array(secretReference).min(1),
  timeToFirstByteSeconds: timeToFirstByteSeconds.describe(
    "How long a model of this provider may be silent before its answer begins; SLUICE_ADAPTER_FIRST_BYTE_TIMEOUT_MS if absent. Models that reason are silent for minutes.",
  ),
  outputLimitParameter: outputLimitParameter.describe(
    "The name under which the provider takes the output limit. If absent, it has the name that the client used, or max_completion_tokens.",
  ),
  streamOptions: z
    .boolean()
    .optional()
    .describe(
      "Whether the provider understands stream_options; true if absent. Without it most providers report no usage of a stream, which is then estimated.",
    ),
  embeddingEncoding: z
    .enum(["base64", "float"])
    .optional()
    .describe(
      "The encoding in which the provider is asked for embeddings; base64 if absent. Clients choose theirs.",
    ),
  reasoningInHistory: z
    .boolean()
    .optional()
    .describe(
      "Whether the provider takes the reasoning of earlier answers (reasoning_content, reasoning, reasoning_details) in the history; true if absent. false is for strict servers, which refuse unknown members of a message.",
    ),
  requestMembers: requestMembers.describe(
    "Names of members that a request may have in addition to those of OpenAI's API, such as top_k. Sluice does not know what they do: a member that makes the provider charge more than the tokens of the request and of its answers breaks the limits of cost.",
  ),
  answerMembers: answerMembers.describe(
    "Names of members of an answer's message that clients receive in addition to those of OpenAI's API, such as annotations. Members next to choices are not kept.",
  ),
  promptCache: promptCache.describe(
    "For Anthropic's protocol: whether prompts are cached (enabled, true if absent), from which length (minTokens, 1024 if absent) and how long (duration, 5m if absent). A write costs 1.25 times an input token for 5m and twice one for 1h, so prices need cacheWrite.",
  ),
  thinking: thinking.describe(
    "For Anthropic's protocol: how a model receives reasoning_effort, as a budget of tokens (budget, if absent) or as an effort (effort). Newer models take only the effort.",
  ),
  tokenMarginPercent: tokenMarginPercent.describe(
    "By how many percent more tokens a model of this provider may need for a text than OpenAI's vocabularies. If absent, 80 with Anthropic's protocol, and else 15.",
  ),
  simulated: z
    .boolean()
    .default(false)
    .describe("Marks the provider as simulated wherever it is shown."),
});

const key = z.strictObject({
  id: id.describe("Appears in the API key and in every charge."),
  secret: secretReference,
  team: name,
  feature: name,
  user: name,
  mayName,
  revoked: z.boolean().default(false),
  limits: keyLimits.describe("What the requests of this key may do."),
});

const tenant = z.strictObject({ id, timeZone, weight, ownTopics, keys: z.array(key).default([]) });

const outputLimit = (preset: number) => z.number().int().min(1).max(1_000_000).default(preset);

const dayS = 24 * 60 * 60;

/** What an operator declares in sluice.yaml. */
export const sluiceYaml = z.strictObject({
  tenants: z.array(tenant).min(1),
  providers: z.array(provider).min(1),
  models: z.array(model).min(1),
  budgets: z
    .array(budget)
    .default([])
    .describe(
      "Limits on what attempts may cost. An attempt counts against every budget that selects it.",
    ),
  limits: z
    .array(limit)
    .default([])
    .describe(
      "Limits on what requests of several keys do together. A request counts in every limit that selects it.",
    ),
  loops,
  routing: z
    .strictObject({
      outputLimits: z
        .strictObject({
          economy: outputLimit(1_024),
          standard: outputLimit(2_048),
          premium: outputLimit(4_096),
        })
        .prefault({})
        .describe("The most tokens of an answer if the request sets no limit."),
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
export type DeclaredModel = SluiceYaml["models"][number];
export type DeclaredProvider = SluiceYaml["providers"][number];
