import { defaultRequirements, type InferenceRequested, type Requirements } from "@sluice/contracts";
import { plainDialect, type Variant } from "@sluice/declarations";
import { type Complexity, PriceBook, type PriceEntry, type Tier } from "@sluice/domain";
import { aClassified, anAdmission, aRequest } from "@sluice/testing/fixtures";
import { describe, expect, test } from "vitest";
import type { DispatchFacts } from "./consider.ts";
import { type Plan, planDispatch } from "./dispatch.ts";

const variant = (id: string, tier: Tier, accuracy: number, contextWindow = 100_000): Variant => ({
  ...{
    id,
    tier,
    contextWindow,
    provider: "p",
    model: `${id}-served`,
    quantisation: null,
    dimensions: null,
    pictureTokensMax: 5_000,
    tokenMarginPercent: 15,
  },
  accuracy: { simple: accuracy, medium: accuracy, complex: accuracy },
  p95LatencyMs: 1_000,
  timeToFirstByteMs: null,
  hidesReasoning: false,
  dialect: plainDialect,
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
    ...{ cacheWriteNanoUsd: null, cacheWriteHourNanoUsd: null },
    ...{ reasoningNanoUsd: null, otherNanoUsd: {} },
  },
});
const prices = Object.entries(outputRates).map(([id, rate]) => priceOf(id, rate / 5n, rate));
const priceBook = new PriceBook(prices);
const limits = { economy: 1_024, standard: 2_048, premium: 4_096 };
const facts: DispatchFacts = {
  ...{ variants, priceBook, inputTokensWith: () => 1_000n, contextTokens: 1_000n },
  ...{ pictures: 0n, now: 1_800_000_000_000 },
  outputLimitOf: (tier) => limits[tier],
};

function planned(
  request: Partial<InferenceRequested> & { readonly required?: Partial<Requirements> },
  complexity: Complexity = "simple",
  changed: Partial<DispatchFacts> = {},
): Plan {
  const { required, ...rest } = request;
  const requirements = { ...defaultRequirements, ...required };
  const classified = aClassified({
    admitted: anAdmission({ request: aRequest({ ...rest, requirements }) }),
    classification: { complexity, score: 0, margin: 0, reasons: [] },
  });
  const contextTokens = changed.inputTokensWith?.(15n) ?? facts.contextTokens;
  return planDispatch(classified, { ...facts, contextTokens, ...changed });
}

test("the worst case has the highest rates that may apply, as a call may have fewer tokens than its bound", () => {
  const long = { ...priceOf("small", 1_000_000n, 600_000_000n), inputAboveTokens: 500n };
  const bands = new PriceBook([...prices, long]);
  const plan = planned({ model: "small" }, "simple", { priceBook: bands });
  const worstOf = (given: Plan) =>
    given.kind === "dispatch" ? given.dispatch.candidates[0]?.worstCaseNanoUsd : undefined;
  expect(worstOf(plan)).toBe(worstOf(planned({ model: "small" })));
  expect(worstOf(plan)).toBeGreaterThan(0n);
});

const candidatesOf = (plan: Plan): readonly string[] =>
  plan.kind === "dispatch" ? plan.dispatch.candidates.map((each) => each.variant) : [];

test("auto selects the tier of the complexity, cheapest first, and then only higher tiers", () => {
  expect(candidatesOf(planned({}))).toEqual(["small-q4", "small", "middle", "big"]);
  expect(candidatesOf(planned({}, "medium"))).toEqual(["middle", "big"]);
  expect(candidatesOf(planned({}, "complex"))).toEqual(["big"]);
});

const embeddings = { ...variant("embeddings", "economy", 0, 8_192), dimensions: 1_536 };
const withEmbeddings = {
  variants: [embeddings, ...variants],
  priceBook: new PriceBook([...prices, priceOf("embeddings", 20_000_000n, 0n)]),
};
const embeddingsRequest = {
  ...{ operation: "embeddings" as const, model: "embeddings", messages: [] },
  inputs: ["one", "two", "three"],
};

test("embeddings are made only by the model that the request names, at the price of the input", () => {
  const plan = planned(embeddingsRequest, "simple", withEmbeddings);
  expect(plan).toMatchObject({
    dispatch: {
      answers: 3,
      candidates: [{ variant: "embeddings", outputLimit: 0n, worstCaseNanoUsd: 20_000n }],
    },
  });
  expect(
    candidatesOf(planned({ ...embeddingsRequest, model: "middle" }, "simple", withEmbeddings)),
  ).toEqual([]);
  expect(
    candidatesOf(planned({ ...embeddingsRequest, model: "economy" }, "simple", withEmbeddings)),
  ).toEqual([]);
});

test("a chat is never dispatched to a model that makes embeddings, even if the request names it", () => {
  const candidates = ["auto", "economy", "embeddings"].map((model) =>
    candidatesOf(planned({ model }, "simple", withEmbeddings)),
  );
  expect(candidates).toEqual([["small-q4", "small", "middle", "big"], ["small-q4", "small"], []]);
});

test("each of several inputs may fill the context window", () => {
  const fitting = { ...withEmbeddings, inputTokensWith: () => 50_000n, contextTokens: 8_192n };
  expect(candidatesOf(planned(embeddingsRequest, "simple", fitting))).toEqual(["embeddings"]);
  expect(planned(embeddingsRequest, "simple", { ...fitting, contextTokens: 8_193n })).toMatchObject(
    {
      code: "context_length_exceeded",
    },
  );
});

test("a tier selects its variants, and a model only itself", () => {
  expect(candidatesOf(planned({ model: "economy" }, "complex"))).toEqual(["small-q4", "small"]);
  expect(candidatesOf(planned({ model: "middle" }, "complex"))).toEqual(["middle"]);
});

test("with a required accuracy the cheapest variant that has it is first, whatever its tier", () => {
  expect(candidatesOf(planned({ required: { requiredAccuracy: 0.75 } }, "complex"))).toEqual([
    "small",
    "middle",
    "big",
  ]);
});

test("a variant without a measured accuracy does not meet a required accuracy", () => {
  const unmeasured = variants.map((each) => ({
    ...each,
    accuracy: { simple: null, medium: null, complex: null },
  }));
  expect(
    planned({ required: { requiredAccuracy: 0.1 } }, "simple", { variants: unmeasured }),
  ).toMatchObject({ kind: "decline", code: "no_variant_fits" });
});

test("the output limit is the client's, or else the tier's, and at most what the context window leaves", () => {
  const limitOf = (plan: Plan) =>
    plan.kind === "dispatch" ? plan.dispatch.candidates[0]?.outputLimit : undefined;
  expect(limitOf(planned({ model: "big" }))).toBe(4_096n);
  expect(limitOf(planned({ model: "big", parameters: '{"max_tokens":7}' }))).toBe(7n);
  expect(limitOf(planned({ model: "small-q4" }, "simple", { inputTokensWith: () => 4_990n }))).toBe(
    10n,
  );
});

test("the worst case is the cost of all input and of every answer at its output limit", () => {
  const plan = planned({ model: "small", parameters: '{"n":2,"max_completion_tokens":100}' });
  expect(plan).toMatchObject({
    dispatch: { answers: 2, candidates: [{ worstCaseNanoUsd: 1_000n * 120n + 2n * 100n * 600n }] },
  });
});

test("a variant above a limit on cost or latency is excluded, and named in the reason if none is left", () => {
  expect(candidatesOf(planned({ required: { maxCostNanoUsd: 1_000_000n } }))).toEqual([
    "small-q4",
    "small",
  ]);
  const plan = planned({ required: { maxLatencyMs: 10 } });
  expect(plan).toMatchObject({ kind: "decline", code: "no_variant_fits" });
  expect(plan.kind === "decline" && plan.reason).toContain("big: P95 latency 1000 ms exceeds 10");
});

test("an input that is too long for every variant is declined with context_length_exceeded", () => {
  expect(planned({}, "simple", { inputTokensWith: () => 200_000n })).toMatchObject({
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

test("the batch lane is declined, and a request for any lane gets the realtime lane", () => {
  expect(planned({ required: { lane: "batch" } })).toMatchObject({ code: "lane_unavailable" });
  expect(planned({ required: { lane: "any" } })).toMatchObject({ dispatch: { lane: "realtime" } });
});

test("a request whose deadline has passed is declined", () => {
  expect(planned({}, "simple", { now: 1_800_000_120_000 })).toMatchObject({
    kind: "decline",
    code: "deadline_exceeded",
  });
});

test("pictures cost what each model charges at most for one, and the record names the highest bound", () => {
  const dear = variants.map((each) =>
    each.id === "small" ? { ...each, pictureTokensMax: 48_200 } : each,
  );
  const plan = planned({ model: "economy" }, "simple", {
    ...{ variants: dear, inputTokensWith: () => 1_000n, pictures: 1n, contextTokens: 100n },
  });
  const worstCases = plan.kind === "dispatch" ? plan.dispatch.candidates : [];
  const inputOf = (rate: bigint, tokens: bigint) => (tokens * (rate / 5n)) / 1_000_000n;
  const outputOf = (rate: bigint) => (1_024n * rate) / 1_000_000n;
  expect(worstCases.map(({ worstCaseNanoUsd }) => worstCaseNanoUsd)).toEqual([
    inputOf(200_000_000n, 6_000n) + outputOf(200_000_000n),
    inputOf(600_000_000n, 49_200n) + outputOf(600_000_000n),
  ]);
  expect(plan).toMatchObject({ dispatch: { inputTokens: 49_200n } });
});

test("pictures take up the context window as most models count them", () => {
  const pictures = { model: "small-q4", required: {} };
  expect(planned(pictures, "simple", { pictures: 2n }).kind).toBe("dispatch");
  expect(planned(pictures, "simple", { pictures: 3n })).toMatchObject({
    kind: "decline",
    code: "context_length_exceeded",
  });
});

const taking = (id: string, ...requestMembers: readonly string[]): Variant => {
  const plain = variants.find((each) => each.id === id)!;
  return { ...plain, dialect: { ...plainDialect, requestMembers } };
};

describe("a request with members that OpenAI's API does not have", () => {
  const [big, middle, small] = [
    taking("big", "top_k", "min_p"),
    taking("middle", "top_k"),
    taking("small"),
  ];
  const withMembers = { variants: [big, middle, small] };
  const planFor = (model: string, parameters: object, changed: Partial<Requirements> = {}) =>
    planned(
      { model, parameters: JSON.stringify(parameters), required: changed },
      "simple",
      withMembers,
    );

  test("is dispatched only to variants that take all of them", () => {
    expect(candidatesOf(planFor("auto", { top_k: 5 }))).toEqual(["middle", "big"]);
    expect(candidatesOf(planFor("auto", { top_k: 5, min_p: 0.1, seed: 1 }))).toEqual(["big"]);
    expect(candidatesOf(planFor("standard", { top_k: 5 }))).toEqual(["middle"]);
    expect(candidatesOf(planFor("middle", { top_k: 5 }))).toEqual(["middle"]);
    expect(candidatesOf(planFor("auto", { seed: 1 }))).toEqual(["small", "middle", "big"]);
  });

  test("is dispatched as if a member were absent if it is null", () => {
    const candidates = candidatesOf(planFor("auto", { top_k: null, min_p: 0.1 }));
    expect(candidates).toEqual(candidatesOf(planFor("auto", { min_p: 0.1 })));
    expect(candidatesOf(planFor("auto", { top_k: null }))).toEqual(["small", "middle", "big"]);
  });

  test("has the reason against each other variant in its decision", () => {
    expect(planFor("auto", { top_k: 5, min_p: 0.1 })).toMatchObject({
      reasons: [
        "simple requests start with the tier economy",
        "without middle: it does not take 'min_p'",
        "without small: it does not take 'top_k', 'min_p'",
        "candidates: big",
      ],
    });
  });

  test("is declined with the names and with the models that take them, for a tier and for a model", () => {
    for (const model of ["economy", "small"])
      expect(planFor(model, { top_k: 5 })).toEqual({
        ...{ kind: "decline", code: "unsupported_parameter", param: "top_k" },
        reason:
          "No model takes the parameter. small: it does not take 'top_k'. Remove it, or name a model that takes it: big, middle.",
      });
  });

  test("is declined if no declared model takes them together", () => {
    const plan = planFor("middle", { top_k: 5, other: 1 });
    expect(plan).toMatchObject({ code: "unsupported_parameter", param: "other" });
    expect(plan).toHaveProperty(
      "reason",
      expect.stringMatching(/middle: it does not take 'other'\. Remove it: no declared model/),
    );
  });

  test("is declined with both reasons if the variants that take them are unfit otherwise", () => {
    const plan = planFor("auto", { top_k: 5 }, { requiredAccuracy: 0.99 });
    expect(plan).toMatchObject({ kind: "decline", code: "no_variant_fits" });
    expect(plan).toHaveProperty(
      "reason",
      expect.stringMatching(/big: its accuracy .*small: it does not take 'top_k'/),
    );
  });

  test("for embeddings is declined unless the model that it names takes them", () => {
    const able = {
      ...embeddings,
      id: "able",
      dialect: { ...plainDialect, requestMembers: ["input_type"] },
    };
    const parameters = '{"input_type":"query"}';
    const declared = {
      variants: [taking("big", "input_type"), embeddings, able],
      priceBook: new PriceBook(["embeddings", "able"].map((id) => priceOf(id, 20_000_000n, 0n))),
    };
    const named = (model: string) =>
      planned({ ...embeddingsRequest, model, parameters }, "simple", declared);
    expect(candidatesOf(named("able"))).toEqual(["able"]);
    expect(named("embeddings")).toMatchObject({
      code: "unsupported_parameter",
      reason: expect.stringContaining("name a model that takes it: able."),
    });
  });
});

test("the worst case of a model counts the margin of its own tokeniser", () => {
  const margins = variants.map((each) =>
    each.id === "small" ? { ...each, tokenMarginPercent: 80 } : each,
  );
  const inputTokensWith = (percent: bigint) => 1_000n + 10n * percent;
  const changed = { variants: margins, inputTokensWith, contextTokens: 100n };
  const worstCaseOf = (model: string) => {
    const plan = planned({ model }, "simple", changed);
    return plan.kind === "dispatch" ? plan.dispatch.candidates[0]?.worstCaseNanoUsd : undefined;
  };
  const usual = planned({ model: "small" }, "simple", { inputTokensWith, contextTokens: 100n });
  expect(worstCaseOf("small")).toBeGreaterThan(
    usual.kind === "dispatch" ? usual.dispatch.candidates[0]!.worstCaseNanoUsd : 0n,
  );
  expect(planned({ model: "small" }, "simple", changed)).toMatchObject({
    dispatch: { inputTokens: 1_800n },
  });
});
