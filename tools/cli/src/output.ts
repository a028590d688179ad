import { styleText } from "node:util";

/** Writes text, or UTF-8 that may be cut anywhere, for a person or a program to read. */
export type WriteText = (text: string | Uint8Array) => void;

/** Standard output: what was asked for. */
export function print(text: string | Uint8Array): void {
  process.stdout.write(text);
}

/** Standard error: what is said beside it. */
export function printToStderr(text: string | Uint8Array): void {
  process.stderr.write(text);
}

/** On standard output, for programs: longs as decimal strings, times as RFC 3339. */
export function printJson(value: unknown): void {
  print(`${jsonOf(value, 2)}\n`);
}

/** As {@link printJson} prints it. Times are numbers under names that end in `At`, as in our records. Pure. */
export function jsonOf(value: unknown, indent?: number): string {
  return JSON.stringify(value, jsonReplacer, indent);
}

function jsonReplacer(name: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number" && /[a-z]At$/.test(name)) return new Date(value).toISOString();
  return value;
}

const NAME_WIDTH = 18;

/** One line about one thing: what it is called, then what is to be said. */
export function labelledLine(name: string, text: string): string {
  return `  ${name.padEnd(NAME_WIDTH)}${text}\n`;
}

/** Coloured only on a terminal that wants it (NO_COLOR); the text says the same without. */
export function inColour(
  colour: "green" | "red" | "yellow",
  text: string,
  stream: NodeJS.WriteStream = process.stdout,
): string {
  return styleText(colour, text, { stream });
}

/** A stranger's text for a terminal: what would move its cursor or change its colours is shown as a mark. Pure. */
export function replaceControlCharacters(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "\ufffd");
}
