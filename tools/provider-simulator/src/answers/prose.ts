import { SeededNumbers } from "../seeded.ts";
import { LABEL } from "../tokens.ts";

const WORDS = (
  "the a this each one result value answer reason model system request market number paper " +
  "river garden signal method limit shows keeps follows holds needs gives takes means turns " +
  "reads small clear steady common early simple second open whole likely and but because " +
  "while with from into under after before"
).split(" ");

/** Returns sentences of about the given number of tokens, after the label. */
export function proseOf(tokens: number, numbers: SeededNumbers): string {
  const sentences: string[] = [LABEL];
  for (let written = 1; written < tokens;) {
    const words = Array.from({ length: numbers.between(5, 14) }, () => numbers.pick(WORDS));
    const sentence = words.join(" ");
    sentences.push(`${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`);
    written += words.length + 1;
  }
  return sentences.join(" ");
}

/**
 * Returns the tokens of an invented train of thought. There are exactly as many as are billed, so that a client
 * that counts the text of a thought finds the reasoning tokens of the bill.
 */
export function thoughtOf(tokens: number, ...seed: readonly unknown[]): readonly string[] {
  const numbers = new SeededNumbers("thought", ...seed);
  return Array.from({ length: tokens }, (_, at) => (at === 0 ? LABEL : ` ${numbers.pick(WORDS)}`));
}
