import { MalformedFault } from "./faults.ts";

/** How an answer may end other than well, where a prompt asks for it. */
const endings = ["refusal", "content_filter"] as const;
export type AskedEnding = (typeof endings)[number];

const ANSWER_MARKER = /\[\[answer:([^[\]]{1,64})\]\]/;
const embeddingMissing = "[[answer:vector-missing]]";
const RECORD_MARKER = /\[\[record:([\w.-]{1,128})\]\]/;

/**
 * What `[[answer:refusal]]` or `[[answer:content_filter]]` asks for.
 *
 * @throws MalformedFault for another word: a test that asks for nothing would test nothing
 */
export function endingIn(promptText: string): AskedEnding | null {
  const word = ANSWER_MARKER.exec(promptText)?.[1];
  if (word === undefined) return null;
  const found = endings.find((ending) => ending === word);
  if (found) return found;
  throw new MalformedFault(`Unknown answer '${word}'; known are ${endings.join(", ")}.`);
}

/** Whether an input asks for one embedding less than there are inputs. */
export function isEmbeddingMissing(inputText: string): boolean {
  return inputText.includes(embeddingMissing);
}

/** The name under which `[[record:<name>]]` has a call's body kept. */
export function recordNameIn(promptText: string): string | null {
  return RECORD_MARKER.exec(promptText)?.[1] ?? null;
}
