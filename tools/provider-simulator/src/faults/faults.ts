export const faultKinds = ["429", "500", "timeout-after-billing", "cut-stream", "hang"] as const;
export type FaultKind = (typeof faultKinds)[number];

/** A fault that somebody asked for. */
export interface Fault {
  readonly kind: FaultKind;
  /** How often it fires; for headers and markers per prompt, for rules in all. */
  readonly times: number;
  /** Sent as `retry-after` with a 429 or 500. */
  readonly retryAfterSeconds: number | null;
  /** `cut-stream` only: tokens sent before the cut; null for half of the answer. */
  readonly afterTokens: number | null;
  /** Only calls of this served model are concerned; null for all. */
  readonly model: string | null;
}

/** A fault that is misspelt would be a test that tests nothing: it is refused. */
export class MalformedFault extends Error {
  override readonly name = "MalformedFault";
}

const MARKER = /\[\[fault:([^[\]]{1,200})\]\]/g;
const MARKERS_MAX = 16;

/** Faults a prompt asks for, e.g. `[[fault:429 times=1]]`. */
export function faultsInPrompt(text: string): readonly Fault[] {
  const found: Fault[] = [];
  for (const [, words = ""] of text.matchAll(MARKER)) {
    if (found.length >= MARKERS_MAX) break;
    found.push(parseFault(words));
  }
  return found;
}

/**
 * Reads `429;times=2;retry-after=1`. Parts are separated by semicolons or spaces.
 *
 * @throws MalformedFault that names the part which is not understood
 */
export function parseFault(text: string): Fault {
  const [kind = "", ...parts] = text.split(/[;\s]+/).filter((part) => part !== "");
  if (!isFaultKind(kind))
    throw new MalformedFault(`Unknown fault '${kind}'; known are ${faultKinds.join(", ")}.`);

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
    `'${part}' is not understood; known are times=, retry-after=, after= and model=.`,
  );
}

export function isFaultKind(text: unknown): text is FaultKind {
  return faultKinds.some((kind) => kind === text);
}
