import { beforeAll, expect, test } from "vitest";
import { documents, generated, read, sources } from "./tree.ts";
import { bannedInDocument, bannedInSource, type BannedUse } from "./voice.ts";

/** Reading every source takes seconds, next to other suites more. In milliseconds. */
const timeout = 60_000;

/** Decisions of before these rules. A decision is superseded by a later one, and is not edited. */
const historical = /^docs\/decisions\/000[1-7]-/;
/** Its samples are the phrases that it looks for. */
const samples = "tools/voice.test.ts";

type Uses = ReadonlyMap<string, readonly BannedUse[]>;
let usesByDocument: Uses;
let usesBySource: Uses;

beforeAll(() => {
  const current = documents.filter((file) => !historical.test(file));
  const written = sources.filter((file) => !generated.includes(file) && file !== samples);
  usesByDocument = usesBy(current, bannedInDocument);
  usesBySource = usesBy(written, bannedInSource);
}, timeout);

test("every document uses the words of the glossary and avoids banned phrases", () => {
  expect(placesOf(usesByDocument)).toEqual([]);
});

test("comments and texts of every source avoid banned phrases", () => {
  expect(placesOf(usesBySource)).toEqual([]);
});

test("a phrase is found across lines, and not in code or in the address of a link", () => {
  const page = [
    "This stays for",
    "ever. Run `tell nobody` and see [the page](told.md).",
    "```sh",
    "echo nobody",
    "```",
    "There is no limit, and it is no longer needed. It is no queue.",
  ].join("\n");
  expect(bannedInDocument(page).map(({ line, phrase }) => `${line} ${phrase}`)).toEqual([
    "1 for ever",
    "6 is no",
  ]);
});

test("a phrase is found in comments, docstrings, texts and templates of a source", () => {
  const source = [
    "/** Asked",
    " * by nobody. */",
    'import { told } from "./told.ts";',
    "// Waits for",
    "// ever.",
    'const anew = told("It stands there.");',
    "log(`The lease ${anew} is away now.`); // So long as",
    "tell(/nobody/, 'nobody');",
  ].join("\n");
  expect(bannedInSource(source).map(({ line, phrase }) => `${line} ${phrase}`)).toEqual([
    "2 nobody",
    "4 for ever",
    "6 stands",
    "7 is away",
  ]);
});

test("a phrase that only a document may not use is allowed in a source", () => {
  const sentence = "The caller passes a vector.";
  const phrases = (uses: readonly BannedUse[]) => uses.map(({ phrase }) => phrase);
  expect(phrases(bannedInDocument(sentence))).toEqual(["caller", "vector"]);
  expect(phrases(bannedInSource(`// ${sentence}`))).toEqual(["vector"]);
  expect(phrases(bannedInSource(`log("${sentence}");`))).toEqual([]);
});

function usesBy(files: readonly string[], find: (text: string) => readonly BannedUse[]): Uses {
  const found = files.map((file) => [file, find(read(file))] as const);
  return new Map(found.filter(([, uses]) => uses.length > 0));
}

function placesOf(byFile: Uses): readonly string[] {
  return [...byFile].flatMap(([file, uses]) =>
    uses.map(({ line, phrase, write }) => `${file}:${line} "${phrase}" → ${write}`),
  );
}
