import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CommandBlock, commandBlocksIn, linesNotSeen } from "./documented-commands.ts";
import { Reader } from "./reader.ts";
import { documents, read } from "./tree.ts";

/**
 * What the documents tell a reader to type is typed here, word for word, on a stack that `npm start`
 * itself has started. A block that cannot be run says so before its fence: `<!-- not run: why -->`.
 */
const keysAreIn = "examples/README.md";
/** It ends by stopping the stack. */
const last = "docs/guides/first-hour.md";
/** As a reader would, who looks again when what should be there is not there yet. */
const lookAgainMs = 10_000;

const runnable = documents
  .map((document) => ({ document, blocks: toRunIn(document) }))
  .filter(({ blocks }) => blocks.length > 0)
  .toSorted((one, other) => Number(one.document === last) - Number(other.document === last));

let reader: Reader;
let startOutput: string;

beforeAll(async () => {
  reader = await Reader.arrive();
  startOutput = await reader.start();
});
afterAll(async () => {
  await reader?.leave();
});

test.each(runnable)(
  "$document: its commands run, and show what it says",
  async ({ document, blocks }) => {
    const shell = reader.openShell();
    try {
      for (const { commands } of preludeOf(document))
        expect(await shell.run(commands)).toMatchObject({ code: 0 });
      for (const block of blocks) await follow(block, shell);
    } finally {
      shell.close();
    }
  },
);

test("npm start stops as the first hour says", async () => {
  expect(await reader.startStopped()).toMatch(/^Stopping \.\.\. stopped after /m);
});

async function follow(block: CommandBlock, shell: ReturnType<Reader["openShell"]>): Promise<void> {
  const { document, line, commands, shown } = block;
  const place = `${document}:${line}`;
  if (isStart(block)) return expectShown(place, shown, startOutput);
  const deadline = Date.now() + lookAgainMs;
  for (;;) {
    const { code, output } = await shell.run(commands);
    expect(code, `${place}\n${output}`).toBe(0);
    if (shown === null || linesNotSeen(shown, output).length === 0) return;
    if (Date.now() > deadline) expectShown(place, shown, output);
    await sleep(500);
  }
}

function expectShown(place: string, shown: string | null, output: string): void {
  expect(linesNotSeen(shown ?? "", output), `${place} printed:\n${output}`).toEqual([]);
}

/** `npm start` stays in its terminal; it is what this suite has begun with. */
function isStart({ commands }: CommandBlock): boolean {
  return /^npm start(?: +#.*)?\n$/.test(commands);
}

/** The examples ask for a key, and refer to the page that says how to get it. */
function preludeOf(document: string): readonly CommandBlock[] {
  return /^examples\/.+\/README\.md$/.test(document) ? toRunIn(keysAreIn) : [];
}

function toRunIn(document: string): readonly CommandBlock[] {
  return commandBlocksIn(document, read(document)).filter(({ notRun }) => notRun === null);
}
