import { describe, expect, it } from "vitest";
import { FaultPlan, type CallFacts } from "./fault-plan.ts";
import { MalformedFault, faultsInPrompt, parseFault } from "./faults.ts";
import { parseScript } from "./script.ts";

const call: CallFacts = {
  model: "sim-economy",
  promptDigest: "p1",
  promptText: "user: hello",
  stream: false,
  header: null,
};

describe("a fault in a header or prompt", () => {
  it("is parsed with its settings, which semicolons or spaces separate", () => {
    const expected = { kind: "429", times: 2, retryAfterSeconds: 1.5, model: "sim-premium" };
    expect(parseFault("429;times=2;retry-after=1.5;model=sim-premium")).toMatchObject(expected);
    expect(
      faultsInPrompt("x [[fault:429 times=2 retry-after=1.5 model=sim-premium]] y"),
    ).toMatchObject([expected]);
  });

  it("is refused if it is misspelt, so that no test passes without its fault", () => {
    for (const text of ["", "418", "429;time=1", "429;times=-1", "cut-stream;after=x"])
      expect(() => parseFault(text)).toThrow(MalformedFault);
  });

  it("fires for each prompt as often as `times` states", () => {
    const plan = new FaultPlan();
    const facts = { ...call, promptText: "[[fault:500 times=1]]" };
    expect(plan.faultOf(facts)?.kind).toBe("500");
    expect(plan.faultOf(facts)).toBeUndefined();
    expect(plan.faultOf({ ...facts, promptDigest: "p2" })?.kind).toBe("500");
  });

  it("can be limited to one model, so that the next candidate answers", () => {
    const plan = new FaultPlan();
    const facts = { ...call, header: "500;model=sim-premium" };
    expect(plan.faultOf(facts)).toBeUndefined();
    expect(plan.faultOf({ ...facts, model: "sim-premium" })?.kind).toBe("500");
  });
});

describe("a scripted fault", () => {
  it("fires for the nth of the calls that match it", () => {
    const plan = planOf({ rules: [{ fault: "500", prompt: "hello", nth: 2 }] });
    const kinds = [call, { ...call, promptText: "bye" }, call, call].map(
      (facts) => plan.faultOf(facts)?.kind,
    );
    expect(kinds).toEqual([undefined, undefined, "500", undefined]);
  });

  it("fires as often as `times` states over all prompts", () => {
    const plan = planOf({ rules: [{ fault: "429;times=2", model: "sim-economy" }] });
    expect(firedOf(plan, 10)).toHaveLength(2);
    expect(plan.faultOf({ ...call, model: "sim-premium" })).toBeUndefined();
  });

  it("with a probability fires for the same prompts in any order", () => {
    const script = { seed: 7, rules: [{ fault: "500", probability: 0.3 }] };
    const forward = firedOf(planOf(script), 400);
    const backward = firedOf(planOf(script), 400, (prompts) => prompts.toReversed());
    expect(forward.length).toBeGreaterThan(80);
    expect(forward.length).toBeLessThan(160);
    expect(backward.toSorted()).toEqual(forward.toSorted());
    expect(firedOf(planOf({ ...script, seed: 8 }), 400)).not.toEqual(forward);
  });

  it("with a probability is drawn again for each repetition of a prompt", () => {
    const plan = planOf({ rules: [{ fault: "500", probability: 0.5 }] });
    const kinds = Array.from({ length: 40 }, () => plan.faultOf(call)?.kind);
    expect(new Set(kinds)).toEqual(new Set(["500", undefined]));
  });

  it("is refused for a model on whose interface it does not exist", () => {
    for (const model of ["sim-anthropic-economy", "sim-embedding-small"])
      for (const rule of [{ fault: "no-choices", model }, { fault: `no-choices;model=${model}` }])
        expect(() => parseScript({ rules: [rule] })).toThrow(MalformedFault);
    const script = { rules: [{ fault: "no-choices", model: "sim-economy" }] };
    expect(parseScript(script).rules).toHaveLength(1);
  });

  it("is refused if it is misspelt", () => {
    const wrong = [{ rule: [] }, { rules: [{ fault: "500", nht: 1 }] }, { models: { gpt: {} } }];
    for (const script of wrong) expect(() => parseScript(script)).toThrow(MalformedFault);
  });
});

describe("a scripted model", () => {
  it("keeps the properties that the script does not name", () => {
    const plan = planOf({ models: { "sim-premium": { firstByteMs: 5 } } });
    expect(plan.profileOf("sim-premium")).toMatchObject({ firstByteMs: 5, tokensPerSecond: 400 });
    expect(plan.profileOf("unknown")).toBeUndefined();
  });
});

function planOf(script: object): FaultPlan {
  const plan = new FaultPlan();
  plan.use(parseScript(script));
  return plan;
}

function firedOf(
  plan: FaultPlan,
  prompts: number,
  ordered: (prompts: readonly string[]) => readonly string[] = (same) => same,
): readonly string[] {
  const names = Array.from({ length: prompts }, (_, index) => `p${index}`);
  return ordered(names).filter((promptDigest) => plan.faultOf({ ...call, promptDigest }));
}
