import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CommandBlock, commandBlocksIn, missingLines } from "./documented-commands.ts";
import { ClonedRepository } from "./cloned-repository.ts";
import { documents, read } from "./tree.ts";

/*
 * This suite runs the commands of all documents as they are written, on a stack that `npm start` has
 * started. A block that cannot be run has a comment before its fence: `<!-- not run: reason -->`.
 */

/** The document with the command that exports an API key. */
const keyDocument = "examples/README.md";
/** Runs last, because its last command stops the stack. */
const lastDocument = "docs/guides/first-hour.md";
/** Starts a stack with a configuration of its own, so it has a clone of its own. */
const ownStackDocument = "docs/guides/budgets.md";
/** A block is repeated for this long, as a reader would repeat a command whose result is not there yet. */
const retryForMs = 10_000;

const runnable = documents
  .map((document) => ({ document, blocks: runnableBlocksIn(document) }))
  .filter(({ document, blocks }) => blocks.length > 0 && document !== ownStackDocument)
  .toSorted(
    (one, other) => Number(one.document === lastDocument) - Number(other.document === lastDocument),
  );

let clone: ClonedRepository;
let startOutput: string;

beforeAll(async () => {
  clone = await ClonedRepository.create();
  startOutput = await clone.startStack();
});
afterAll(async () => {
  await clone?.remove();
});

test.each(runnable)(
  "$document: its commands succeed, and print the lines that it shows",
  async ({ document, blocks }) => {
    expect(await runBlocks(clone, preludeOf(document), blocks)).toBe(blocks.length);
  },
);

test("npm start stops when the stack is stopped, and reports how long that took", async () => {
  expect(await clone.outputOnceStopped()).toMatch(/^Stopping \.\.\. stopped after /m);
});

test(
  `${ownStackDocument}: its commands start a stack, and print the lines that it shows`,
  { timeout: 180_000 },
  async () => {
    const own = await ClonedRepository.create();
    try {
      const blocks = runnableBlocksIn(ownStackDocument);
      expect(await runBlocks(own, [], blocks)).toBe(blocks.length);
    } finally {
      await own.remove();
    }
  },
);

/** Returns how many blocks have run after the prelude. */
async function runBlocks(
  repository: ClonedRepository,
  prelude: readonly CommandBlock[],
  blocks: readonly CommandBlock[],
): Promise<number> {
  const shell = repository.openShell();
  try {
    for (const { commands } of prelude)
      expect(await shell.run(commands)).toMatchObject({ code: 0 });
    let count = 0;
    for (const block of blocks) {
      await runBlock(block, shell);
      count += 1;
    }
    return count;
  } finally {
    shell.close();
  }
}

async function runBlock(
  block: CommandBlock,
  shell: ReturnType<ClonedRepository["openShell"]>,
): Promise<void> {
  const { document, line, commands, shown } = block;
  const place = `${document}:${line}`;
  if (isStart(block)) return expectShown(place, shown, startOutput);
  const deadline = Date.now() + retryForMs;
  for (;;) {
    const { code, output } = await shell.run(commands);
    expect(code, `${place}\n${output}`).toBe(0);
    if (shown === null || missingLines(shown, output).length === 0) return;
    if (Date.now() > deadline) expectShown(place, shown, output);
    await sleep(500);
  }
}

function expectShown(place: string, shown: string | null, output: string): void {
  expect(missingLines(shown ?? "", output), `${place} printed:\n${output}`).toEqual([]);
}

/** Returns whether the block is `npm start`, which this suite has already run. */
function isStart({ commands }: CommandBlock): boolean {
  return /^npm start(?: +#.*)?\n$/.test(commands);
}

/** Returns the blocks to run first: those that export the API key, if the document is an example. */
function preludeOf(document: string): readonly CommandBlock[] {
  return /^examples\/.+\/README\.md$/.test(document) ? runnableBlocksIn(keyDocument) : [];
}

function runnableBlocksIn(document: string): readonly CommandBlock[] {
  return commandBlocksIn(document, read(document)).filter(({ notRun }) => notRun === null);
}
