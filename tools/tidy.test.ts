import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { expect, test } from "vitest";
import { cliReference, reference as cliPage } from "./cli-reference.ts";
import { configurationTables, reference, referenceWith } from "./configuration-reference.ts";
import { reference as topicsPage, topicsReference } from "./topics-reference.ts";
import { codesInSources, metricsInSources, variablesInSources } from "./named-in-sources.ts";
import {
  documents,
  files,
  generated,
  type Manifest,
  manifestIn,
  type Package,
  packages,
  reachableFrom,
  read,
  root,
  shipped,
  sources,
} from "./tree.ts";

interface TsConfig {
  readonly include?: readonly string[];
  readonly references?: readonly { readonly path: string }[];
}

/** Style as a test: what a reviewer would otherwise have to see. Fails with the list of what offends. */
const linesMax = 400;
/** In milliseconds. Two rules read every source with a compiler, or load every service's schema, next to other suites. */
const timeout = 60_000;
const scripts = new Set(Object.keys(manifestIn("").scripts ?? {}));

test("the tree is seen at all, or every rule below would hold of nothing", () => {
  expect(sources.length).toBeGreaterThan(300);
  expect(packages.length).toBeGreaterThan(20);
  expect(documents).toContain("README.md");
});

test("every package says in a README what it is for", () => {
  const folders = [...packages.map(({ folder }) => folder), "schemas", ...foldersIn("examples")];
  expect(folders.filter((folder) => !files.includes(`${folder}/README.md`))).toEqual([]);
});

test(`no source is longer than ${linesMax} lines, unless it is generated`, () => {
  const written = sources.filter((file) => !generated.includes(file));
  expect(written.filter((file) => read(file).split("\n").length - 1 > linesMax)).toEqual([]);
});

test("nothing is left for later", () => {
  const marks = new RegExp(
    `\\b(?:${["TO-DO", "FIX-ME", "X-XX", "HA-CK"].join("|")})\\b`.replaceAll("-", ""),
  );
  expect(linesWith(marks, [...sources, ...documents])).toEqual([]);
});

test("no test is left out, and none runs alone", () => {
  const modes = /\b(?:test|it|describe|suite|bench)(?:\.\w+)*\.(?:only|skip|todo)\b/;
  expect(linesWith(modes, sources)).toEqual([]);
});

test("every source is reached from something that is run", () => {
  const tests = sources.filter((file) => file.endsWith(".test.ts"));
  const reached = reachableFrom([
    ...tests,
    ...sources.filter(isEntry),
    ...packages.flatMap(entriesOf),
    ...documents.flatMap(entriesToldBy),
  ]);
  expect(sources.filter((file) => !reached.has(file))).toEqual([]);
});

test("what is shipped is reached from what is shipped, not from tests alone", () => {
  const reached = reachableFrom([...sources.filter(isEntry), ...packages.flatMap(entriesOf)]);
  const fakes = /\/in-memory-[^/]+$/;
  expect(shipped.filter((file) => !reached.has(file) && !fakes.test(file))).toEqual([]);
});

test(
  "every code has its heading in the reference of errors, and every heading its code",
  { timeout },
  () => {
    const headings = read("docs/reference/errors.md").matchAll(/^### (\S+)$/gm);
    const documented = [...headings].map(([, code = ""]) => code);
    expect(documented.toSorted()).toEqual([...codesInSources()].toSorted());
  },
);

test("every metric has its row in the reference of metrics, and every row its metric", () => {
  const rows = read("docs/reference/metrics.md").matchAll(/^\| `(\w+)` /gm);
  const documented = new Set([...rows].map(([, metric = ""]) => metric));
  expect([...documented].toSorted()).toEqual([...metricsInSources()].toSorted());
});

test(
  "the reference of configuration has the services' own words, defaults and ranges",
  { timeout },
  async () => {
    const today = await referenceWith(await configurationTables());
    expect(plain(read(reference)), "npm run docs:reference").toEqual(plain(today));
  },
);

test("the reference of the command line has the commands' own words", { timeout }, async () => {
  expect(plain(read(cliPage)), "npm run docs:reference").toEqual(plain(await cliReference()));
});

test("the reference of topics has what the catalogue, the accounts and the schemas say", async () => {
  expect(plain(read(topicsPage)), "npm run docs:reference").toEqual(plain(await topicsReference()));
});

test("every variable of the environment is in the reference of configuration", () => {
  const text = read(reference);
  const missing = [...variablesInSources()].filter((name) => !text.includes(`\`${name}\``));
  expect(missing).toEqual([]);
});

test("a build waits for exactly the packages that the manifest names", () => {
  const built = packages.filter(({ folder }) => files.includes(`${folder}/tsconfig.build.json`));
  const wrong = built.flatMap(({ folder, manifest }) => {
    const declared = siblingsIn(manifest).toSorted();
    const referenced = referencesIn(`${folder}/tsconfig.build.json`).toSorted();
    return declared.join() === referenced.join() ? [] : [{ folder, declared, referenced }];
  });
  expect(built.length).toBeGreaterThan(20);
  expect(wrong).toEqual([]);
});

test("one build builds every package", () => {
  const builds = files.filter(
    (file) => file.includes("/") && file.endsWith("/tsconfig.build.json"),
  );
  const built = referencesIn("tsconfig.solution.json").map(
    (folder) => `${folder}/tsconfig.build.json`,
  );
  expect(built.toSorted()).toEqual(builds.toSorted());
});

test("types are checked in every folder of a package that holds sources", () => {
  const unchecked = packages.flatMap(({ folder }) => {
    const inside = sources.filter((file) => file.startsWith(`${folder}/`) && file.endsWith(".ts"));
    const top = new Set(inside.map((file) => file.slice(folder.length + 1).split("/")[0] ?? ""));
    const { include = ["src"] } = tsconfigIn(`${folder}/tsconfig.json`);
    return [...top].filter((each) => !include.includes(each)).map((each) => `${folder}/${each}`);
  });
  expect(unchecked).toEqual([]);
});

test("lock files name no registry", () => {
  const locks = files.filter((file) => posix.basename(file) === "package-lock.json");
  expect(locks.length).toBe(2);
  expect(locks.filter((file) => /"resolved": "(?:https?|git)/.test(read(file)))).toEqual([]);
});

test("no folder is named for being shared", () => {
  const vague = new Set(["utils", "util", "common", "helpers", "helper", "shared", "misc"]);
  const folders = files.filter((file) =>
    posix
      .dirname(file)
      .split("/")
      .some((part) => vague.has(part)),
  );
  expect(folders).toEqual([]);
});

test("no file names a path of one machine", () => {
  const places = /(?<![\w.~])\/(?:home|Users|root|work|mnt|tmp)\/[\w.-]+|[A-Z]:\\\\?Users/;
  const texts = files.filter((file) => !/\.(?:png|jpg|jsonl)$/.test(file));
  expect(linesWith(places, texts)).toEqual([]);
});

test("every script that a document or a message names exists", () => {
  const named = [...documents, ...sources].flatMap((file) =>
    [...read(file).matchAll(/\bnpm run (?:-s )?([a-z][\w:-]*)/g)].map(([, script = ""]) => ({
      file,
      script,
    })),
  );
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter(({ script }) => !scripts.has(script))).toEqual([]);
  expect(["start", "test"].filter((script) => !scripts.has(script))).toEqual([]);
});

test("every link of a document leads somewhere", () => {
  const broken = documents.flatMap((file) =>
    [...read(file).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)/g)]
      .map(([, target = ""]) => posix.join(posix.dirname(file), target))
      .filter((target) => !existsSync(join(root, target)))
      .map((target) => ({ file, target })),
  );
  expect(broken).toEqual([]);
});

/** What is started by a name: a process, a package's face, a command, a configuration, a measurement. */
function isEntry(file: string): boolean {
  const name = posix.basename(file);
  return (
    /^(?:main|[a-z-]+-main|index)\.ts$/.test(name) ||
    name.endsWith(".config.ts") ||
    /\/bin\/[^/]+\.mjs$/.test(file) ||
    /^tools\/[^/]+\.(?:mjs|ts)$/.test(file)
  );
}

/** Returns what a manifest exports, and what a README or a script runs by its path. */
function entriesOf({ folder, manifest }: Package): readonly string[] {
  const exported = JSON.stringify([manifest.exports, manifest.bin, manifest.scripts] as const);
  const told = files.includes(`${folder}/README.md`) ? read(`${folder}/README.md`) : "";
  const commands = [...told.matchAll(/\bnode [^\n`]*?([\w./-]+\.(?:ts|mjs))\b/g)];
  const paths = [...exported.matchAll(/([\w./-]+\.(?:ts|mjs))/g), ...commands];
  return paths.map(([, path = ""]) => posix.join(folder, path));
}

/** Returns what a guide runs from the root. */
function entriesToldBy(document: string): readonly string[] {
  const commands = read(document).matchAll(/\bnode [^\n`]*?([\w./-]+\.(?:ts|mjs))\b/g);
  return [...commands].map(([, path = ""]) => path);
}

function foldersIn(parent: string): readonly string[] {
  const inside = files.filter(
    (file) => file.startsWith(`${parent}/`) && file.split("/").length > 2,
  );
  return [...new Set(inside.map((file) => file.split("/").slice(0, 2).join("/")))];
}

function linesWith(pattern: RegExp, among: readonly string[]): readonly string[] {
  return among.flatMap((file) =>
    read(file)
      .split("\n")
      .flatMap((line, index) =>
        pattern.test(line) ? [`${file}:${index + 1} ${line.trim()}`] : [],
      ),
  );
}

/** Folders of our own packages that a package needs once it is built. */
function siblingsIn({ dependencies, peerDependencies }: Manifest): readonly string[] {
  const folderOf = new Map(packages.map(({ folder, manifest }) => [manifest.name, folder]));
  const declared = Object.keys({ ...dependencies, ...peerDependencies });
  return declared.flatMap((name) => folderOf.get(name) ?? []);
}

function referencesIn(file: string): readonly string[] {
  const { references = [] } = tsconfigIn(file);
  return references.map(({ path }) => posix.dirname(posix.join(posix.dirname(file), path)));
}

function tsconfigIn(file: string): TsConfig {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the compiler has read it before us
  return JSON.parse(read(file)) as TsConfig;
}

/** As written, whatever the width of a table's columns. */
function plain(text: string): string {
  return text.replaceAll(/-{3,}/g, "---").replaceAll(/[ \t]+/g, " ");
}
