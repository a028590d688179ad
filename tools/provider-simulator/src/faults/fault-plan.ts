import { BoundedMap } from "../bounded-map.ts";
import { existsOn } from "./fault-kinds.ts";
import { faultsInPrompt, MalformedFault, parseFault, type Fault } from "./faults.ts";
import { interfaceOf, servedModels, type ModelProfile } from "../models.ts";
import { emptyScript, type Rule, type Script } from "./script.ts";
import { fractionOf } from "../seeded.ts";

/** The properties of a call that decide whether it fails. */
export interface CallFacts {
  readonly model: string;
  readonly promptDigest: string;
  readonly promptText: string;
  readonly stream: boolean;
  readonly header: string | null;
}

const PROMPTS_MAX = 100_000;

/**
 * Decides which calls fail, and counts how often each fault has fired. The script takes precedence over the
 * header, and the header over the markers in the prompt.
 */
export class FaultPlan {
  #script: Script = emptyScript;
  /** For each rule: the number of matching calls, and how often the rule fired. */
  #matched = new Map<Rule, number>();
  #fired = new Map<Rule, number>();
  readonly #firedForPrompt = new BoundedMap<string, number>(PROMPTS_MAX);
  readonly #drawnForPrompt = new BoundedMap<string, number>(PROMPTS_MAX);

  /** Replaces the script and resets every counter. */
  use(script: Script): void {
    this.#script = script;
    this.#matched = new Map();
    this.#fired = new Map();
    this.#firedForPrompt.clear();
    this.#drawnForPrompt.clear();
  }

  /** Returns the behaviour of a model with the changes of the script, or undefined if the model is not served. */
  profileOf(model: string): ModelProfile | undefined {
    const served = servedModels.get(model);
    return served && { ...served.profile, ...this.#script.models.get(model) };
  }

  /**
   * Returns the fault of this call and counts it as fired, or returns undefined if the call succeeds.
   *
   * @throws MalformedFault for a header or marker with an unknown or wrong part, or with a fault that does not exist on
   *   the interface of the call
   */
  faultOf(call: CallFacts): Fault | undefined {
    const requested = [
      ...(call.header === null ? [] : [parseFault(call.header)]),
      ...faultsInPrompt(call.promptText),
    ];
    const rule = this.#script.rules.find((candidate) => this.#fires(candidate, call));
    const fault = rule?.fault ?? requested.find((one) => this.#firesForPrompt(one, call));
    if (!fault || existsOn(fault.kind, interfaceOf(call.model))) return fault;
    throw new MalformedFault(
      `The fault '${fault.kind}' does not exist for the model '${call.model}'.`,
    );
  }

  #fires(rule: Rule, call: CallFacts): boolean {
    if (!appliesTo(rule, call)) return false;
    const matched = (this.#matched.get(rule) ?? 0) + 1;
    this.#matched.set(rule, matched);
    if (rule.nth !== null && rule.nth !== matched) return false;
    if (rule.probability !== null && this.#draw(rule, call) >= rule.probability) return false;

    const fired = this.#fired.get(rule) ?? 0;
    if (fired >= rule.fault.times) return false;
    this.#fired.set(rule, fired + 1);
    return true;
  }

  /**
   * Returns a number in [0, 1) that depends on the seed, the rule, the prompt and the number of earlier draws
   * for this prompt. The same prompts therefore fail in every run, in whatever order they arrive, and a retry
   * gets a new number.
   */
  #draw(rule: Rule, { promptDigest }: CallFacts): number {
    const index = this.#script.rules.indexOf(rule);
    const key = `${index} ${promptDigest}`;
    const drawn = this.#drawnForPrompt.get(key) ?? 0;
    this.#drawnForPrompt.set(key, drawn + 1);
    return fractionOf(this.#script.seed, index, promptDigest, drawn);
  }

  #firesForPrompt(fault: Fault, { model, promptDigest }: CallFacts): boolean {
    if (fault.model !== null && fault.model !== model) return false;
    const key = `${promptDigest} ${JSON.stringify(fault)}`;
    const fired = this.#firedForPrompt.get(key) ?? 0;
    if (fired >= fault.times) return false;
    this.#firedForPrompt.set(key, fired + 1);
    return true;
  }
}

function appliesTo({ fault, prompt, stream }: Rule, call: CallFacts): boolean {
  if (fault.model !== null && fault.model !== call.model) return false;
  if (!existsOn(fault.kind, interfaceOf(call.model))) return false;
  if (stream !== null && stream !== call.stream) return false;
  return prompt === null || call.promptText.includes(prompt);
}
