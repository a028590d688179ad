import { existsOn } from "./fault-kinds.ts";
import { MalformedFault, parseFault, type Fault } from "./faults.ts";
import { isObject, isWholeNumber, type JsonObject } from "../json.ts";
import { interfaceOf, servedModels, type ModelProfile } from "../models.ts";

/** A fault with conditions. It applies to calls that meet every condition that is set. */
export interface Rule {
  readonly fault: Fault;
  /** A text that the prompt must contain. */
  readonly prompt: string | null;
  /** Fires only for the nth call (from 1) that meets model, prompt and stream. */
  readonly nth: number | null;
  /** The share of such calls that fail, from 0 to 1. The calls are drawn with the script's seed. */
  readonly probability: number | null;
  readonly stream: boolean | null;
}

/** Faults and changed models that a test sets at run time. */
export interface Script {
  readonly seed: string;
  readonly rules: readonly Rule[];
  readonly models: ReadonlyMap<string, Partial<ModelProfile>>;
}

export const emptyScript: Script = { seed: "0", rules: [], models: new Map() };

/**
 * Parses a script.
 *
 * @throws MalformedFault that names the first unknown or wrong member
 */
export function parseScript(script: unknown): Script {
  if (!isObject(script)) throw new MalformedFault("A script must be a JSON object.");
  const { seed = 0, rules = [], models = {}, ...others } = script;
  refuseOthers("script", others);
  if (!Array.isArray(rules) || !isObject(models))
    throw new MalformedFault("'rules' must be a list, and 'models' must be an object.");
  return {
    seed: JSON.stringify(seed),
    rules: rules.map(parseRule),
    models: new Map(Object.entries(models).map(parseModel)),
  };
}

function parseRule(rule: unknown, index: number): Rule {
  const path = `rules[${index}]`;
  if (!isObject(rule)) throw new MalformedFault(`'${path}' is not an object.`);
  const { fault, model, prompt, nth, probability, stream, ...others } = rule;
  refuseOthers(path, others);
  if (typeof fault !== "string") throw new MalformedFault(`'${path}.fault' is not a string.`);
  const parsed = parseFault(fault);
  const named = valueOf(model, `${path}.model`, isText) ?? parsed.model;
  if (named !== null && servedModels.has(named) && !existsOn(parsed.kind, interfaceOf(named)))
    throw new MalformedFault(`'${path}.fault' does not exist for the model '${named}'.`);
  return {
    fault: { ...parsed, model: named },
    prompt: valueOf(prompt, `${path}.prompt`, isText),
    nth: valueOf(nth, `${path}.nth`, (value) => isWholeNumber(value, 1, 1e9)),
    probability: valueOf(probability, `${path}.probability`, isShare),
    stream: valueOf(stream, `${path}.stream`, (value) => typeof value === "boolean"),
  };
}

function parseModel([name, model]: [string, unknown]): [string, Partial<ModelProfile>] {
  const path = `models.${name}`;
  if (!servedModels.has(name)) throw new MalformedFault(`'${path}' is not a served model.`);
  if (!isObject(model)) throw new MalformedFault(`'${path}' is not an object.`);
  const { firstByteMs, tokensPerSecond, tokensPerChunk, reportsUsage, ...others } = model;
  refuseOthers(path, others);
  const parsed = {
    firstByteMs: valueOf(firstByteMs, `${path}.firstByteMs`, isAmount),
    tokensPerSecond: valueOf(tokensPerSecond, `${path}.tokensPerSecond`, isPositive),
    tokensPerChunk: valueOf(tokensPerChunk, `${path}.tokensPerChunk`, (value) =>
      isWholeNumber(value, 1, 10_000),
    ),
    reportsUsage: valueOf(reportsUsage, `${path}.reportsUsage`, (v) => typeof v === "boolean"),
  };
  return [name, Object.fromEntries(Object.entries(parsed).filter(([, value]) => value !== null))];
}

function valueOf<T>(
  value: unknown,
  path: string,
  isFitting: (value: unknown) => value is T,
): T | null {
  if (value === undefined || value === null) return null;
  if (isFitting(value)) return value;
  throw new MalformedFault(`'${path}' has a wrong type or value.`);
}

const isText = (value: unknown): value is string => typeof value === "string";
const isAmount = (value: unknown): value is number => typeof value === "number" && value >= 0;
const isPositive = (value: unknown): value is number => typeof value === "number" && value > 0;
const isShare = (value: unknown): value is number => isAmount(value) && value <= 1;

function refuseOthers(path: string, others: JsonObject): void {
  const [name] = Object.keys(others);
  if (name !== undefined) throw new MalformedFault(`'${path}' has an unknown member '${name}'.`);
}
