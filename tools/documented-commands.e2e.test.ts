import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CommandBlock, commandBlocksIn, missingLines } from "./documented-commands.ts";
import { ClonedRepository } from "./cloned-repository.ts";
import { documents, read } from "./tree.ts";

/**
 * What the documents tell a reader to type is typed here, word for word, on a stack that `npm start`
 * itself has started. A block that cannot be run says so before its fence: `<!-- not run: why -->`.
 */
const keyDocument = "examples/README.md";
/** It ends by stopping the stack. */
const lastDocument = "docs/guides/first-hour.md";
/** As a reader would, who looks again when what should be there is not there yet. */
const retryForMs = 10_000;

const runnable = documents
  .map((document) => ({ document, blocks: runnableBlocksIn(document) }))
  .filter(({ blocks }) => blocks.length > 0)
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
  "$document: its commands run, and show what it says",
  async ({ document, blocks }) => {
    const shell = clone.openShell();
    try {
      for (const { commands } of preludeOf(document))
        expect(await shell.run(commands)).toMatchObject({ code: 0 });
      for (const block of blocks) await runBlock(block, shell);
    } finally {
      shell.close();
    }
  },
);

test("npm start stops as the first hour says", async () => {
  expect(await clone.outputOnceStopped()).toMatch(/^Stopping \.\.\. stopped after /m);
});

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

/** `npm start` stays in its terminal; it is what this suite has begun with. */
function isStart({ commands }: CommandBlock): boolean {
  return /^npm start(?: +#.*)?\n$/.test(commands);
}

/** The examples ask for a key, and refer to the page that says how to get it. */
function preludeOf(document: string): readonly CommandBlock[] {
  return /^examples\/.+\/README\.md$/.test(document) ? runnableBlocksIn(keyDocument) : [];
}

function runnableBlocksIn(document: string): readonly CommandBlock[] {
  return commandBlocksIn(document, read(document)).filter(({ notRun }) => notRun === null);
}
