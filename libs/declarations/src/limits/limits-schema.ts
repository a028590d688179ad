import { z } from "zod";
import { anyOf, declaredId, declaredName } from "../declared-names.ts";

/** Who sends a request: what the selector of a limit can name. */
export const limitDimensions = ["team", "feature", "user", "key"] as const;

export type LimitDimension = (typeof limitDimensions)[number];

const perMinute = z.number().int().min(1).max(1_000_000_000).optional();

const bounds = {
  requestsPerMinute: perMinute.describe(
    "The most requests that may arrive at once; after them, one is admitted each 60 seconds divided by this number.",
  ),
  tokensPerMinute: perMinute.describe(
    "The most tokens of requests and answers that may be counted at once; they are forgotten at this number per minute.",
  ),
  concurrency: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe("The most requests that may run at the same time."),
};

/** The limits of one key. */
export const keyLimits = z.strictObject(bounds).optional();

const selector = z
  .strictObject({
    team: anyOf(declaredName),
    feature: anyOf(declaredName),
    user: anyOf(declaredName),
    key: anyOf(declaredId),
  })
  .prefault({});

/** A limit on what the requests of several keys do together. */
export const limit = z.strictObject({
  id: declaredId.describe("Appears in the error of a request that the limit declines."),
  tenant: declaredId
    .optional()
    .describe("The tenant whose requests count; if absent, each tenant has this limit."),
  selector: selector.describe(
    "Which requests count: any combination of team, feature, user and key, each with a value or a list; all requests if absent.",
  ),
  each: z
    .array(z.enum(limitDimensions))
    .default([])
    .describe(
      "Members of the selector for whose values the limit holds separately, for example [user] for a limit per user.",
    ),
  ...bounds,
});

export type DeclaredLimit = z.output<typeof limit>;

/** The share of a tenant, in relation to those of others. */
export const weight = z
  .number()
  .int()
  .min(1)
  .max(1_000)
  .default(1)
  .describe(
    "The share of the tenant in the places of requests that wait and in the work in flight, in relation to the weights of the other tenants that have requests.",
  );

export const loops = z
  .strictObject({
    samePromptPerMinute: z
      .number()
      .int()
      .min(0)
      .max(1_000_000)
      .default(0)
      .describe(
        "How often one key may send the same prompt within a minute, also if the response cache answers it; 0, the preset, for as often as it likes.",
      ),
  })
  .prefault({});
