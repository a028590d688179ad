import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { commandBlocksIn, missingLines, unlabelledFencesIn } from "./documented-commands.ts";
import { documents, read } from "./tree.ts";

const blocks = documents.flatMap((document) => commandBlocksIn(document, read(document)));
const placeOf = ({ document, line }: { document: string; line: number }) => `${document}:${line}`;

test("the documents' commands are seen at all, or every rule below would hold of nothing", () => {
  expect(blocks.filter(({ notRun }) => notRun === null).length).toBeGreaterThan(15);
});

test("every fenced block says what it holds, so that no command hides in one", () => {
  const unlabelled = documents.flatMap((document) =>
    unlabelledFencesIn(read(document)).map((line) => placeOf({ document, line })),
  );
  expect(unlabelled).toEqual([]);
});

test("a block that is not run says why in a sentence", () => {
  const silent = blocks.filter(({ notRun }) => notRun !== null && notRun.split(" ").length < 4);
  expect(silent.map(placeOf)).toEqual([]);
});

test("every block is whole for a shell, also where it is not run", () => {
  const broken = blocks.flatMap((block) => {
    const { status, stderr } = spawnSync("bash", ["-n"], { input: block.commands });
    return status === 0 ? [] : [`${placeOf(block)} ${stderr.toString()}`];
  });
  expect(broken).toEqual([]);
});

test("every variable that a command sets or reads is in a reference", () => {
  const known = documents.filter((file) =>
    /^(?:docs\/reference|examples\/README|infra\/images)/.test(file),
  );
  const text = known.map(read).join("\n");
  const unknown = blocks.flatMap((block) =>
    [...block.commands.matchAll(/\b(SLUICE_[A-Z_]*[A-Z])\b/g)]
      .map(([, name = ""]) => name.replace(/_FILE$/, ""))
      .filter((name) => !text.includes(name))
      .map((name) => `${placeOf(block)} ${name}`),
  );
  expect(unknown).toEqual([]);
});

test("what a page shows as part of a file stands in it, in that order", () => {
  const shown = documents.flatMap((document) =>
    [...read(document).matchAll(/<!-- part of (\S+) -->\s+```\w+\n(.*?)^```$/gms)].map(
      ([, file = "", lines = ""]) => ({ document, file, lines: linesOf(lines) }),
    ),
  );
  expect(shown.length).toBeGreaterThan(0);
  const wrong = shown.filter(({ file, lines }) => {
    let position = -1;
    const there = linesOf(read(file));
    return !lines.every((line) => (position = there.indexOf(line, position + 1)) >= 0);
  });
  expect(wrong).toEqual([]);
});

test("a reason counts directly before its block, and what is shown directly after it", () => {
  const page = [
    "<!-- not run: it needs a key -->\n",
    "```sh\npay\n```\n",
    "```text\npaid\n```\n",
    "Then:\n",
    "```bash\nask\n```\n",
    "which prints\n",
    "```text\nfour\n```\n",
    "```ts\nawait ask();\n```\n",
  ].join("\n");
  expect(commandBlocksIn("page.md", page)).toMatchObject([
    { line: 3, commands: "pay\n", notRun: "it needs a key", shown: "paid\n" },
    { line: 13, commands: "ask\n", notRun: null, shown: null },
  ]);
});

test("what is shown was seen where only figures, ids and widths differ", () => {
  const output =
    "Ready after 7.1 s\n\nteam      spend\n────────  ─────\nplatform  0.134\n[simulated] A b c.\n";
  expect(missingLines("Ready after 12.25 s\n…\nplatform 0.2\n[simulated] …\n", output)).toEqual([]);
});

test("a line that did not come, or came before its forerunner, was not seen", () => {
  expect(missingLines("one\ntwo\n", "two\none\n")).toEqual(["two"]);
  expect(missingLines("x-sluice-cache: exact\n", "x-sluice-cache: miss\n")).toHaveLength(1);
});

function linesOf(text: string): readonly string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}
