import { expect, test } from "vitest";
import { documents, read } from "./tree.ts";

test("no paragraph that begins with a number is rendered as a list that starts there", () => {
  const lists = documents.flatMap((file) => placesOf(file, listsStartingLateIn(read(file))));
  expect(lists).toEqual([]);
});

test("every column of a table has a heading", () => {
  const nameless = documents.flatMap((file) => placesOf(file, namelessColumnsIn(read(file))));
  expect(nameless).toEqual([]);
});

test("a status at the start of a paragraph is a list, and the items of a list are not", () => {
  const page = ["409. The answer has expired.", "", "1. One", "2. Two", "", "In", "2. not"];
  expect(listsStartingLateIn(page.join("\n"))).toEqual([1]);
  const spaced = ["1. One", "", "   more of it", "", "2. Two", "", "Text.", "", "3. Late"];
  expect(listsStartingLateIn(spaced.join("\n"))).toEqual([9]);
});

test("an empty cell of a heading is found, and one of a row is not", () => {
  const page = ["| a | |", "| - | - |", "| b | c |", "", "| d | e |", "| --- | :-: |", "| f | |"];
  expect(namelessColumnsIn(page.join("\n"))).toEqual([1]);
});

/**
 * Returns the lines, from 1, at which Markdown begins an ordered list with another number than 1. An item continues
 * the list before it, also after indented paragraphs and code.
 */
function listsStartingLateIn(markdown: string): readonly number[] {
  const found: number[] = [];
  let [last, previous] = [0, ""];
  for (const [index, line] of linesOf(markdown).entries()) {
    const number = Number(/^(\d+)\. /.exec(line)?.[1] ?? 0);
    const isFirst = previous.trim() === "";
    if (isFirst && number > 1 && number !== last + 1) found.push(index + 1);
    if (number > 0) last = number;
    else if (isFirst && /^\S/.test(line)) last = 0;
    previous = line;
  }
  return found;
}

/** Returns the lines, from 1, of table headings with an empty cell. */
function namelessColumnsIn(markdown: string): readonly number[] {
  return linesOf(markdown).flatMap((line, index, lines) => {
    if (!/^\|(?: *:?-+:? *\|)+$/.test(lines[index + 1] ?? "")) return [];
    const cells = line.split("|").slice(1, -1);
    return cells.some((cell) => cell.trim() === "") ? [index + 1] : [];
  });
}

/** Returns the lines of a document, with those of fenced blocks empty. */
function linesOf(markdown: string): readonly string[] {
  const prose = markdown.replaceAll(/^( *)```.*?^ *```$/gms, (block) =>
    block.replaceAll(/[^\n]/g, ""),
  );
  return prose.split("\n");
}

function placesOf(file: string, lines: readonly number[]): readonly string[] {
  return lines.map((line) => `${file}:${line}`);
}
