import { styleText } from "node:util";

/** Writes text, or UTF-8 bytes that may be cut at any point. */
export type WriteText = (text: string | Uint8Array) => void;

/** Writes results to standard output. */
export function print(text: string | Uint8Array): void {
  process.stdout.write(text);
}

/** Writes progress, summaries and errors to standard error. */
export function printToStderr(text: string | Uint8Array): void {
  process.stderr.write(text);
}

/** Prints a value as JSON on standard output, with longs as decimal strings and times in RFC 3339. */
export function printJson(value: unknown): void {
  print(`${jsonOf(value, 2)}\n`);
}

/**
 * Returns the JSON that {@link printJson} prints. A number is a time if its name ends in `At`, as in
 * our records. Pure.
 */
export function jsonOf(value: unknown, indent?: number): string {
  return JSON.stringify(value, jsonReplacer, indent);
}

function jsonReplacer(name: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number" && /[a-z]At$/.test(name)) return new Date(value).toISOString();
  return value;
}

const NAME_WIDTH = 18;

/** Returns one line: a name, padded to a column, and a text. */
export function labelledLine(name: string, text: string): string {
  return `  ${name.padEnd(NAME_WIDTH)}${text}\n`;
}

/** Colours the text if the stream is a terminal and NO_COLOR is not set. The colour must carry no meaning of its own. */
export function inColour(
  colour: "green" | "red" | "yellow",
  text: string,
  stream: NodeJS.WriteStream = process.stdout,
): string {
  return styleText(colour, text, { stream });
}

/**
 * Returns untrusted text that is safe to print on a terminal. Control characters, which could move the
 * cursor or change colours, become U+FFFD; tabs and line feeds stay. Pure.
 */
export function replaceControlCharacters(text: string): string {
  // oxlint-disable-next-line no-control-regex -- the pattern looks for control characters
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "\ufffd");
}
