import { faultKinds, isFaultKind, type FaultKind } from "./fault-kinds.ts";

/** A fault that a header, a marker or a script requests. */
export interface Fault {
  readonly kind: FaultKind;
  /** How often it fires: for headers and markers per prompt, for rules in total. */
  readonly times: number;
  /** Sent as `retry-after` with an error instead of an answer. */
  readonly retryAfterSeconds: number | null;
  /** Tokens that are sent before a stream ends early; null for the default of the fault. */
  readonly afterTokens: number | null;
  /** The served model whose calls fail; null for all models. */
  readonly model: string | null;
}

/** The refusal of a misspelt fault. If the simulator ignored it, a test would pass without its fault. */
export class MalformedFault extends Error {
  override readonly name = "MalformedFault";
}

const MARKER = /\[\[fault:([^[\]]{1,200})\]\]/g;
const MARKERS_MAX = 16;

/**
 * Returns the faults that a prompt requests, e.g. `[[fault:429 times=1]]`.
 *
 * @throws MalformedFault
 */
export function faultsInPrompt(text: string): readonly Fault[] {
  const found: Fault[] = [];
  for (const [, words = ""] of text.matchAll(MARKER)) {
    if (found.length >= MARKERS_MAX) break;
    found.push(parseFault(words));
  }
  return found;
}

/**
 * Parses a fault such as `429;times=2;retry-after=1`. Semicolons or spaces separate its parts.
 *
 * @throws MalformedFault that names the unknown or wrong part
 */
export function parseFault(text: string): Fault {
  const [kind = "", ...parts] = text.split(/[;\s]+/).filter((part) => part !== "");
  if (!isFaultKind(kind))
    throw new MalformedFault(`'${kind}' is not a fault. Use one of ${faultKinds.join(", ")}.`);

  let fault: Fault = {
    kind,
    times: Number.POSITIVE_INFINITY,
    retryAfterSeconds: null,
    afterTokens: null,
    model: null,
  };
  for (const part of parts) fault = { ...fault, ...parsePart(part) };
  return fault;
}

function parsePart(part: string): Partial<Fault> {
  const [, name, value] = /^([a-z-]+)=(.+)$/.exec(part) ?? [];
  if (name === "model" && value) return { model: value };
  const number = Number(value);
  const isWhole = Number.isSafeInteger(number) && number >= 0;
  if (name === "times" && isWhole) return { times: number };
  if (name === "after" && isWhole) return { afterTokens: number };
  if (name === "retry-after" && number >= 0) return { retryAfterSeconds: number };
  throw new MalformedFault(
    `'${part}' is not a setting of a fault. Use times=, retry-after=, after= or model=.`,
  );
}
