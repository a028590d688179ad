import { defaultRequirements, type InferenceRequested, type Requirements } from "@sluice/contracts";
import type { Variant } from "@sluice/declarations";
import { type Complexity, PriceBook, type PriceEntry, type Tier } from "@sluice/domain";
import { aClassified, anAdmission, aRequest } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import { type DispatchFacts, type Plan, planDispatch } from "./dispatch.ts";

const variant = (id: string, tier: Tier, accuracy: number, contextWindow = 100_000): Variant => ({
  ...{
    id,
    tier,
    contextWindow,
    provider: "p",
    model: `${id}-served`,
    quantisation: null,
    dimensions: null,
  },
  accuracy: { simple: accuracy, medium: accuracy, complex: accuracy },
  p95LatencyMs: 1_000,
});
const variants = [
  variant("big", "premium", 0.95),
  variant("middle", "standard", 0.9),
  variant("small", "economy", 0.8),
  variant("small-q4", "economy", 0.7, 5_000),
];
const outputRates: Readonly<Record<string, bigint>> = {
  big: 75_000_000_000n,
  middle: 10_000_000_000n,
  small: 600_000_000n,
  "small-q4": 200_000_000n,
};
const priceOf = (id: string, inputNanoUsd: bigint, outputNanoUsd: bigint): PriceEntry => ({
  ...{ variant: id, effectiveFrom: 0, inputAboveTokens: null },
  rates: {
    ...{ inputNanoUsd, outputNanoUsd, cachedInputNanoUsd: null },
    ...{ cacheWriteNanoUsd: null, reasoningNanoUsd: null, otherNanoUsd: {} },
  },
});
const prices = Object.entries(outputRates).map(([id, rate]) => priceOf(id, rate / 5n, rate));
const priceBook = new PriceBook(prices);
const limits = { economy: 1_024, standard: 2_048, premium: 4_096 };
const facts: DispatchFacts = {
  ...{ variants, priceBook, inputTokens: 1_000n, contextTokens: 1_000n, now: 1_800_000_000_000 },
  outputLimitOf: (tier) => limits[tier],
};

function planned(
  request: Partial<InferenceRequested> & { readonly demands?: Partial<Requirements> },
  complexity: Complexity = "simple",
  changed: Partial<DispatchFacts> = {},
): Plan {
  const { demands, ...rest } = request;
  const requirements = { ...defaultRequirements, ...demands };
  const classified = aClassified({
    admitted: anAdmission({ request: aRequest({ ...rest, requirements }) }),
    classification: { complexity, score: 0, margin: 0, reasons: [] },
  });
  const { inputTokens: contextTokens = facts.contextTokens } = changed;
  return planDispatch(classified, { ...facts, contextTokens, ...changed });
}
const candidatesOf = (plan: Plan): readonly string[] =>
  plan.kind === "dispatch" ? plan.dispatch.candidates.map((each) => each.variant) : [];

test("auto goes to the tier of the complexity, cheapest first, and falls back upwards only", () => {
  expect(candidatesOf(planned({}))).toEqual(["small-q4", "small", "middle", "big"]);
  expect(candidatesOf(planned({}, "medium"))).toEqual(["middle", "big"]);
  expect(candidatesOf(planned({}, "complex"))).toEqual(["big"]);
});

const embeddings = { ...variant("embeddings", "economy", 0, 8_192), dimensions: 1_536 };
const withEmbeddings = {
  variants: [embeddings, ...variants],
  priceBook: new PriceBook([...prices, priceOf("embeddings", 20_000_000n, 0n)]),
};
const askedForEmbeddings = {
  ...{ operation: "embeddings" as const, model: "embeddings", messages: [] },
  inputs: ["one", "two", "three"],
};

test("embeddings are made by the model that was named alone, at the price of the input", () => {
  const plan = planned(askedForEmbeddings, "simple", withEmbeddings);
  expect(plan).toMatchObject({
    dispatch: {
      answers: 3,
      candidates: [{ variant: "embeddings", outputLimit: 0n, worstCaseNanoUsd: 20_000n }],
    },
  });
  expect(
    candidatesOf(planned({ ...askedForEmbeddings, model: "middle" }, "simple", withEmbeddings)),
  ).toEqual([]);
  expect(
    candidatesOf(planned({ ...askedForEmbeddings, model: "economy" }, "simple", withEmbeddings)),
  ).toEqual([]);
});

test("a chat never goes to a model that makes embeddings, by whatever name", () => {
  const asked = ["auto", "economy", "embeddings"].map((model) =>
    candidatesOf(planned({ model }, "simple", withEmbeddings)),
  );
  expect(asked).toEqual([["small-q4", "small", "middle", "big"], ["small-q4", "small"], []]);
});

test("of several inputs each may fill the context by itself", () => {
  const fitting = { ...withEmbeddings, inputTokens: 50_000n, contextTokens: 8_192n };
  expect(candidatesOf(planned(askedForEmbeddings, "simple", fitting))).toEqual(["embeddings"]);
  expect(
    planned(askedForEmbeddings, "simple", { ...fitting, contextTokens: 8_193n }),
  ).toMatchObject({
    code: "context_length_exceeded",
  });
});

test("a tier is its variants, and a model is that model alone", () => {
  expect(candidatesOf(planned({ model: "economy" }, "complex"))).toEqual(["small-q4", "small"]);
  expect(candidatesOf(planned({ model: "middle" }, "complex"))).toEqual(["middle"]);
});

test("where an accuracy is demanded, the cheapest that has it is first, whatever its tier", () => {
  expect(candidatesOf(planned({ demands: { requiredAccuracy: 0.75 } }, "complex"))).toEqual([
    "small",
    "middle",
    "big",
  ]);
});

test("an accuracy that nobody measured does not fulfil a demand", () => {
  const unmeasured = variants.map((each) => ({
    ...each,
    accuracy: { simple: null, medium: null, complex: null },
  }));
  expect(
    planned({ demands: { requiredAccuracy: 0.1 } }, "simple", { variants: unmeasured }),
  ).toMatchObject({ kind: "decline", code: "no_variant_fits" });
});

test("the caller's output limit holds; without one it is the tier's, cut to what the context leaves", () => {
  const limitOf = (plan: Plan) =>
    plan.kind === "dispatch" ? plan.dispatch.candidates[0]?.outputLimit : undefined;
  expect(limitOf(planned({ model: "big" }))).toBe(4_096n);
  expect(limitOf(planned({ model: "big", parameters: '{"max_tokens":7}' }))).toBe(7n);
  expect(limitOf(planned({ model: "small-q4" }, "simple", { inputTokens: 4_990n }))).toBe(10n);
});

test("the worst case is all input and every answer in full", () => {
  const plan = planned({ model: "small", parameters: '{"n":2,"max_completion_tokens":100}' });
  expect(plan).toMatchObject({
    dispatch: { answers: 2, candidates: [{ worstCaseNanoUsd: 1_000n * 120n + 2n * 100n * 600n }] },
  });
});

test("a limit on cost or latency takes out what exceeds it, and says so when nothing is left", () => {
  expect(candidatesOf(planned({ demands: { maxCostNanoUsd: 1_000_000n } }))).toEqual([
    "small-q4",
    "small",
  ]);
  const plan = planned({ demands: { maxLatencyMs: 10 } });
  expect(plan).toMatchObject({ kind: "decline", code: "no_variant_fits" });
  expect(plan.kind === "decline" && plan.reason).toContain("big: P95 latency 1000 ms exceeds 10");
});

test("an input that is too long for all is told as such", () => {
  expect(planned({}, "simple", { inputTokens: 200_000n })).toMatchObject({
    kind: "decline",
    code: "context_length_exceeded",
  });
});

test("a variant without a price in force is never dispatched", () => {
  expect(planned({}, "simple", { priceBook: new PriceBook([]) })).toMatchObject({
    kind: "decline",
    code: "no_variant_fits",
  });
});

test("the batch lane is declined by name, and any takes the lane there is", () => {
  expect(planned({ demands: { lane: "batch" } })).toMatchObject({ code: "lane_unavailable" });
  expect(planned({ demands: { lane: "any" } })).toMatchObject({ dispatch: { lane: "realtime" } });
});

test("what is late already is not dispatched", () => {
  expect(planned({}, "simple", { now: 1_800_000_120_000 })).toMatchObject({
    kind: "decline",
    code: "deadline_exceeded",
  });
});
