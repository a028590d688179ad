import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { commandBlocksIn, missingLines, unlabelledFencesIn } from "./documented-commands.ts";
import { documents, read } from "./tree.ts";

const blocks = documents.flatMap((document) => commandBlocksIn(document, read(document)));
const placeOf = ({ document, line }: { document: string; line: number }) => `${document}:${line}`;

test("the documents contain commands, so the rules below are not checked on an empty list", () => {
  expect(blocks.filter(({ notRun }) => notRun === null).length).toBeGreaterThan(15);
});

test("every fenced block names its language, so that no command is overlooked", () => {
  const unlabelled = documents.flatMap((document) =>
    unlabelledFencesIn(read(document)).map((line) => placeOf({ document, line })),
  );
  expect(unlabelled).toEqual([]);
});

test("a block that is not run gives the reason in at least four words", () => {
  const withoutReason = blocks.filter(
    ({ notRun }) => notRun !== null && notRun.split(" ").length < 4,
  );
  expect(withoutReason.map(placeOf)).toEqual([]);
});

test("every block is valid shell syntax, even if it is not run", () => {
  const broken = blocks.flatMap((block) => {
    const { status, stderr } = spawnSync("bash", ["-n"], { input: block.commands });
    return status === 0 ? [] : [`${placeOf(block)} ${stderr.toString()}`];
  });
  expect(broken).toEqual([]);
});

test("every variable in a command is documented in a reference", () => {
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

test("lines that a document shows as part of a file are in that file, in that order", () => {
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

test("only a reason directly before a block and an output directly after it belong to the block", () => {
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

test("shown lines match the output if only figures, ids and column widths differ", () => {
  const output =
    "Ready after 7.1 s\n\nteam      spend\n────────  ─────\nplatform  0.134\n[simulated] A b c.\n";
  expect(missingLines("Ready after 12.25 s\n…\nplatform 0.2\n[simulated] …\n", output)).toEqual([]);
});

test("a shown line is missing if it is not in the output or comes before the line above it", () => {
  expect(missingLines("one\ntwo\n", "two\none\n")).toEqual(["two"]);
  expect(missingLines("x-sluice-cache: exact\n", "x-sluice-cache: miss\n")).toHaveLength(1);
});

function linesOf(text: string): readonly string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}
