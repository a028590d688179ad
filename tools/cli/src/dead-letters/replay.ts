import { createInterface } from "node:readline/promises";
import { topicsAddress } from "../addresses.ts";
import { printToStderr, replaceControlCharacters, print, printJson } from "../output.ts";
import { UsageError } from "../usage-error.ts";
import { type DeadLetter, deadLetterOf, parsePosition, topicNamed } from "./dead-letter.ts";
import { omissionNotes, filterOf, type FilterOptions } from "./list.ts";
import { slicesOf } from "./replay-slices.ts";
import { type DeadLetterTopics, withDeadLetterTopics } from "./dead-letter-topics.ts";
import { unknownPosition } from "./show.ts";

export interface ReplayOptions extends FilterOptions {
  readonly all: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly dataDir: string;
  readonly json: boolean;
}

/** Named one by one before a question; beyond, their number is. */
const namedMax = 10;

/**
 * `sluice dead-letters replay`: copies to their topics what stood on the topics when it was asked
 * for. What becomes a dead letter again comes behind that, and is not taken again.
 */
export async function replayDeadLetters(
  position: string | undefined,
  options: ReplayOptions,
): Promise<number> {
  const filter = selectionOf(position, options);
  const address = await topicsAddress(options.dataDir, process.env);
  return withDeadLetterTopics(address, async (deadLetterTopics) => {
    const deadLetters = await filter(deadLetterTopics);
    if (!options.json) print(summaryOf(deadLetters));
    const isSent =
      deadLetters.length > 0 && !options.dryRun && (await isConfirmed(deadLetters, options));
    if (isSent) await send(deadLetterTopics, deadLetters);
    const positions = deadLetters.map((each) => each.position);
    if (options.json) printJson({ matching: deadLetters.length, isSent, positions });
    else if (isSent) print(`Sent ${deadLetters.length}.\n`);
    else print("Nothing was sent.\n");
    return 0;
  });
}

/** What is meant, checked before anything is asked of Kafka. @throws UsageError */
function selectionOf(
  position: string | undefined,
  options: ReplayOptions,
): (deadLetterTopics: DeadLetterTopics) => Promise<readonly DeadLetter[]> {
  const { all, topic, code } = options;
  if (all === (position !== undefined))
    throw new UsageError("Give the position of one, or --all for all that match.");
  if (!options.dryRun && !options.yes && !process.stdin.isTTY)
    throw new UsageError("There is no terminal to ask on: give --yes, or --dry-run to look first.");
  if (position === undefined) {
    const filter = filterOf(options);
    return async (deadLetterTopics) => {
      const { deadLetters, notScanned } = await deadLetterTopics.find(filter);
      printToStderr(omissionNotes(0, notScanned));
      return deadLetters;
    };
  }
  if (topic !== undefined || code !== undefined)
    throw new UsageError("--topic and --code choose among --all, not where a position is given.");
  const parsed = parsePosition(position);
  return async (deadLetterTopics) => {
    const message = await deadLetterTopics.read(parsed);
    if (!message) throw unknownPosition(position);
    return [deadLetterOf(parsed.topic, message)];
  };
}

async function send(
  deadLetterTopics: DeadLetterTopics,
  deadLetters: readonly DeadLetter[],
): Promise<void> {
  for (const { topic: name, deadLetters: slice } of slicesOf(deadLetters)) {
    const topic = topicNamed(name);
    // oxlint-disable-next-line no-await-in-loop -- a slice is what memory is to hold
    await deadLetterTopics.replay(topic, await deadLetterTopics.readAll(topic, slice));
  }
}

async function isConfirmed(
  deadLetters: readonly DeadLetter[],
  { yes }: ReplayOptions,
): Promise<boolean> {
  if (yes) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(
      `Send ${deadLetters.length} to where they came from? [y/N] `,
    );
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

/** How many of which code go where; a few are named. Pure. */
export function summaryOf(deadLetters: readonly DeadLetter[]): string {
  if (deadLetters.length === 0) return "None match.\n";
  const groups = Map.groupBy(deadLetters, ({ topic, code }) => `${topic}  ${code ?? "-"}`);
  if (deadLetters.length > namedMax)
    return [...groups]
      .map(([name, of]) => replaceControlCharacters(`  ${name}  ${of.length}`) + "\n")
      .join("");
  return deadLetters
    .map(({ position, code }) => `  ${position}  ${replaceControlCharacters(code ?? "-")}\n`)
    .join("");
}
