import { BoundedMap } from "../bounded-map.ts";
import { faultsInPrompt, parseFault, type Fault } from "./faults.ts";
import { servedModels, type ModelProfile } from "../models.ts";
import { emptyScript, type Rule, type Script } from "./script.ts";
import { fractionOf } from "../seeded.ts";

/** What decides whether a call fails. */
export interface FaultQuestion {
  readonly model: string;
  readonly promptDigest: string;
  readonly promptText: string;
  readonly stream: boolean;
  readonly header: string | null;
}

const PROMPTS_MAX = 100_000;

/**
 * Decides which calls fail, and remembers how often they did. The script is asked first,
 * then the header, then the prompt's markers.
 */
export class FaultPlan {
  #script: Script = emptyScript;
  /** Per rule: matching calls, and those it fired for. */
  #matched = new Map<Rule, number>();
  #fired = new Map<Rule, number>();
  readonly #firedForPrompt = new BoundedMap<string, number>(PROMPTS_MAX);
  readonly #drawnForPrompt = new BoundedMap<string, number>(PROMPTS_MAX);

  /** Takes the place of the script before; every counter begins again. */
  use(script: Script): void {
    this.#script = script;
    this.#matched = new Map();
    this.#fired = new Map();
    this.#firedForPrompt.clear();
    this.#drawnForPrompt.clear();
  }

  profileOf(model: string): ModelProfile | undefined {
    const served = servedModels.get(model);
    return served && { ...served.profile, ...this.#script.models.get(model) };
  }

  /**
   * The fault of this call, which counts as fired, or undefined.
   *
   * @throws MalformedFault for a header or marker that is not understood
   */
  faultOf(question: FaultQuestion): Fault | undefined {
    const asked = [
      ...(question.header === null ? [] : [parseFault(question.header)]),
      ...faultsInPrompt(question.promptText),
    ];
    const rule = this.#script.rules.find((candidate) => this.#fires(candidate, question));
    return rule?.fault ?? asked.find((fault) => this.#firesForPrompt(fault, question));
  }

  #fires(rule: Rule, question: FaultQuestion): boolean {
    if (!isMeant(rule, question)) return false;
    const matched = (this.#matched.get(rule) ?? 0) + 1;
    this.#matched.set(rule, matched);
    if (rule.nth !== null && rule.nth !== matched) return false;
    if (rule.probability !== null && this.#draw(rule, question) >= rule.probability) return false;

    const fired = this.#fired.get(rule) ?? 0;
    if (fired >= rule.fault.times) return false;
    this.#fired.set(rule, fired + 1);
    return true;
  }

  /**
   * Drawn from the seed, the rule, the prompt and how often that prompt was drawn for: the
   * same prompts fail in every run, in whatever order they arrive, and a retry draws anew.
   */
  #draw(rule: Rule, { promptDigest }: FaultQuestion): number {
    const index = this.#script.rules.indexOf(rule);
    const key = `${index} ${promptDigest}`;
    const drawn = this.#drawnForPrompt.get(key) ?? 0;
    this.#drawnForPrompt.set(key, drawn + 1);
    return fractionOf(this.#script.seed, index, promptDigest, drawn);
  }

  #firesForPrompt(fault: Fault, { model, promptDigest }: FaultQuestion): boolean {
    if (fault.model !== null && fault.model !== model) return false;
    const key = `${promptDigest} ${JSON.stringify(fault)}`;
    const fired = this.#firedForPrompt.get(key) ?? 0;
    if (fired >= fault.times) return false;
    this.#firedForPrompt.set(key, fired + 1);
    return true;
  }
}

function isMeant({ fault, prompt, stream }: Rule, question: FaultQuestion): boolean {
  if (fault.model !== null && fault.model !== question.model) return false;
  if (stream !== null && stream !== question.stream) return false;
  return prompt === null || question.promptText.includes(prompt);
}
