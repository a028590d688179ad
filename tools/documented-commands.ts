/** A fenced block of commands in a document. */
export interface CommandBlock {
  readonly document: string;
  /** The line of the opening fence, from 1. */
  readonly line: number;
  readonly commands: string;
  /** The reason in the comment before the fence why no test runs the block; null if a test runs it. */
  readonly notRun: string | null;
  /** The expected output: the `text` block that follows directly; null if there is none. */
  readonly shown: string | null;
}

interface Fence {
  readonly line: number;
  readonly language: string;
  readonly content: string;
  /** The text between the previous fence, or the start of the document, and this fence. */
  readonly before: string;
}

const shells: ReadonlySet<string> = new Set(["sh", "bash", "shell", "zsh", "console"]);
const reasonBefore = /<!-- not run: ([^>]+?) -->\s*$/;

/** Returns all blocks of shell commands, in the order of the document. */
export function commandBlocksIn(document: string, text: string): readonly CommandBlock[] {
  const fences = fencesIn(text);
  return fences.flatMap(({ language, line, content, before }, index) => {
    if (!shells.has(language)) return [];
    const [, reason = null] = reasonBefore.exec(before) ?? [];
    const next = fences[index + 1];
    const isShown = next?.language === "text" && next.before.trim() === "";
    const shown = isShown ? next.content : null;
    return [{ document, line, commands: content, notRun: reason, shown }];
  });
}

/** Returns the lines, from 1, of fences without a language, because they could contain commands. */
export function unlabelledFencesIn(text: string): readonly number[] {
  return fencesIn(text).flatMap(({ language, line }) => (language === "" ? [line] : []));
}

function fencesIn(text: string): readonly Fence[] {
  const fences: Fence[] = [];
  let end = 0;
  for (const match of text.matchAll(/^( *)```(\w*)[^\n]*\n(.*?)^ *```$/gms)) {
    const [whole, indent = "", language = "", content = ""] = match;
    fences.push({
      line: text.slice(0, match.index).split("\n").length,
      language,
      content: content.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
      before: text.slice(end, match.index),
    });
    end = match.index + whole.length;
  }
  return fences;
}

/**
 * Returns the shown lines that are not in the output in the same order. Figures, ids and the width of
 * columns differ from run to run and are not compared. `…` matches any text, and any number of lines
 * if it is alone on its line.
 */
export function missingLines(shown: string, output: string): readonly string[] {
  const seen = output.split("\n").map(normalised);
  let position = 0;
  return shown.split("\n").filter((line) => {
    const parts = line.split("…").map(normalised);
    if (parts.every((part) => part === "")) return false;
    const pattern = new RegExp(`^${parts.map(escapeRegExp).join(".*")}$`);
    const found = seen.findIndex((each, index) => index >= position && pattern.test(each));
    if (found >= 0) position = found + 1;
    return found < 0;
  });
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

function normalised(line: string): string {
  return line
    .replaceAll(/\b[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\b/g, "<id>")
    .replaceAll(/\d[\d,.:]*\d|\d/g, "0")
    .replaceAll(/[─-]{2,}/g, "--")
    .replaceAll(/\s+/g, " ")
    .trim();
}
