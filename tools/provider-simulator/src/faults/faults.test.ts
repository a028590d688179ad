import { describe, expect, it } from "vitest";
import { FaultPlan, type FaultQuestion } from "./fault-plan.ts";
import { MalformedFault, faultsInPrompt, parseFault } from "./faults.ts";
import { parseScript } from "./script.ts";

const question: FaultQuestion = {
  model: "sim-economy",
  promptDigest: "p1",
  promptText: "user: hello",
  stream: false,
  header: null,
};

describe("a fault in a header or prompt", () => {
  it("is read with its settings, separated by semicolons or spaces", () => {
    const expected = { kind: "429", times: 2, retryAfterSeconds: 1.5, model: "sim-premium" };
    expect(parseFault("429;times=2;retry-after=1.5;model=sim-premium")).toMatchObject(expected);
    expect(
      faultsInPrompt("x [[fault:429 times=2 retry-after=1.5 model=sim-premium]] y"),
    ).toMatchObject([expected]);
  });

  it("is refused when it is misspelt, so that no test tests nothing", () => {
    for (const text of ["", "418", "429;time=1", "429;times=-1", "cut-stream;after=x"])
      expect(() => parseFault(text)).toThrow(MalformedFault);
  });

  it("fires for each prompt as often as it says", () => {
    const plan = new FaultPlan();
    const asked = { ...question, promptText: "[[fault:500 times=1]]" };
    expect(plan.faultOf(asked)?.kind).toBe("500");
    expect(plan.faultOf(asked)).toBeUndefined();
    expect(plan.faultOf({ ...asked, promptDigest: "p2" })?.kind).toBe("500");
  });

  it("can be meant for one model, so that the next candidate answers", () => {
    const plan = new FaultPlan();
    const asked = { ...question, header: "500;model=sim-premium" };
    expect(plan.faultOf(asked)).toBeUndefined();
    expect(plan.faultOf({ ...asked, model: "sim-premium" })?.kind).toBe("500");
  });
});

describe("a scripted fault", () => {
  it("fires for the nth call of those it is meant for", () => {
    const plan = planOf({ rules: [{ fault: "500", prompt: "hello", nth: 2 }] });
    const kinds = [question, { ...question, promptText: "bye" }, question, question].map(
      (asked) => plan.faultOf(asked)?.kind,
    );
    expect(kinds).toEqual([undefined, undefined, "500", undefined]);
  });

  it("fires as often as it says over all prompts", () => {
    const plan = planOf({ rules: [{ fault: "429;times=2", model: "sim-economy" }] });
    expect(firedOf(plan, 10)).toHaveLength(2);
    expect(plan.faultOf({ ...question, model: "sim-premium" })).toBeUndefined();
  });

  it("drawn by chance fires for the same prompts in any order", () => {
    const script = { seed: 7, rules: [{ fault: "500", probability: 0.3 }] };
    const forward = firedOf(planOf(script), 400);
    const backward = firedOf(planOf(script), 400, (prompts) => prompts.toReversed());
    expect(forward.length).toBeGreaterThan(80);
    expect(forward.length).toBeLessThan(160);
    expect(backward.toSorted()).toEqual(forward.toSorted());
    expect(firedOf(planOf({ ...script, seed: 8 }), 400)).not.toEqual(forward);
  });

  it("drawn by chance is drawn anew when the prompt comes again", () => {
    const plan = planOf({ rules: [{ fault: "500", probability: 0.5 }] });
    const kinds = Array.from({ length: 40 }, () => plan.faultOf(question)?.kind);
    expect(new Set(kinds)).toEqual(new Set(["500", undefined]));
  });

  it("is refused when it is misspelt", () => {
    const wrong = [{ rule: [] }, { rules: [{ fault: "500", nht: 1 }] }, { models: { gpt: {} } }];
    for (const script of wrong) expect(() => parseScript(script)).toThrow(MalformedFault);
  });
});

describe("a scripted model", () => {
  it("keeps what the script does not name", () => {
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
  return ordered(names).filter((promptDigest) => plan.faultOf({ ...question, promptDigest }));
}
