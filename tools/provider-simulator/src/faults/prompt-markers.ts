import { MalformedFault } from "./faults.ts";

/** The unsuccessful ends of an answer that a prompt can request. */
const endings = ["refusal", "content_filter"] as const;
export type RequestedEnding = (typeof endings)[number];

const ANSWER_MARKER = /\[\[answer:([^[\]]{1,64})\]\]/;
const embeddingMissing = "[[answer:vector-missing]]";
const RECORD_MARKER = /\[\[record:([\w.-]{1,128})\]\]/;

/**
 * Returns the end that `[[answer:refusal]]` or `[[answer:content_filter]]` requests, or null without a marker.
 *
 * @throws MalformedFault for another word, because a test with a misspelt marker would test nothing
 */
export function endingIn(promptText: string): RequestedEnding | null {
  const word = ANSWER_MARKER.exec(promptText)?.[1];
  if (word === undefined) return null;
  const found = endings.find((ending) => ending === word);
  if (found) return found;
  throw new MalformedFault(
    `'${word}' is not an end of an answer. Use one of ${endings.join(", ")}.`,
  );
}

/** Returns whether an input requests that the answer has one embedding fewer than there are inputs. */
export function isEmbeddingMissing(inputText: string): boolean {
  return inputText.includes(embeddingMissing);
}

/**
 * Returns the name of `[[record:<name>]]`, or null without a marker. The simulator records the body of such a
 * call.
 */
export function recordNameIn(promptText: string): string | null {
  return RECORD_MARKER.exec(promptText)?.[1] ?? null;
}
