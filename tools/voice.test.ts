import { beforeAll, expect, test } from "vitest";
import { documents, generated, read, sources } from "./tree.ts";
import { bannedInDocument, bannedInSource, type BannedUse } from "./voice.ts";

/** Reading every source takes seconds, next to other suites more. In milliseconds. */
const timeout = 60_000;

/** Decisions of before these rules. A decision is superseded by a later one, and is not edited. */
const historical = /^docs\/decisions\/000[1-7]-/;
/** Its samples are the phrases that it looks for. */
const samples = "tools/voice.test.ts";

/**
 * Documents, and sources or folders of sources, that still contain banned phrases. Remove an entry
 * when its text is rewritten, and add none: a test fails for an entry that is no longer needed.
 */
const documentsToRewrite: readonly string[] = [
  "libs/budgets/README.md",
  "libs/client/README.md",
  "libs/contracts/README.md",
  "libs/declarations/README.md",
  "libs/domain/README.md",
  "libs/redis/README.md",
  "libs/request-state/README.md",
  "libs/response-cache/README.md",
  "libs/service-host/README.md",
  "libs/stage/README.md",
  "libs/telemetry/README.md",
  "libs/testing/README.md",
  "services/cache-lookup/README.md",
  "services/classifier/README.md",
  "services/cost-accountant/README.md",
  "services/dispatcher/README.md",
  "services/inference-adapter/README.md",
  "services/ingress/README.md",
  // Generated: their text is in sources that are listed below, or in schemas.
  "docs/reference/configuration.md",
  "docs/reference/topics.md",
];
const sourcesToRewrite: readonly string[] = [
  "e2e/connections/",
  "infra/local/",
  "libs/budgets/",
  "libs/client/",
  "libs/contracts/",
  "libs/declarations/",
  "libs/domain/",
  "libs/provisioning/",
  "libs/redis/",
  "libs/request-state/",
  "libs/response-cache/",
  "libs/service-host/",
  "libs/stage/",
  "libs/telemetry/",
  "libs/testing/",
  "services/cache-lookup/",
  "services/classifier/",
  "services/cost-accountant/",
  "services/dispatcher/",
  "services/inference-adapter/",
  "services/ingress/",
  "tools/tidy.test.ts",
];

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
  expect(outside(documentsToRewrite, usesByDocument)).toEqual([]);
});

test("comments and texts of every source avoid banned phrases", () => {
  expect(outside(sourcesToRewrite, usesBySource)).toEqual([]);
});

test("an exception whose text is rewritten is removed from its list", () => {
  const unneeded = [
    ...documentsToRewrite.filter((entry) => !isNeeded(entry, usesByDocument)),
    ...sourcesToRewrite.filter((entry) => !isNeeded(entry, usesBySource)),
  ];
  expect(unneeded).toEqual([]);
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

function outside(entries: readonly string[], byFile: Uses): readonly string[] {
  return [...byFile]
    .filter(([file]) => !entries.some((entry) => covers(entry, file)))
    .flatMap(([file, uses]) =>
      uses.map(({ line, phrase, write }) => `${file}:${line} "${phrase}" → ${write}`),
    );
}

function isNeeded(entry: string, byFile: Uses): boolean {
  return [...byFile.keys()].some((file) => covers(entry, file));
}

function covers(entry: string, file: string): boolean {
  return entry.endsWith("/") ? file.startsWith(entry) : file === entry;
}
