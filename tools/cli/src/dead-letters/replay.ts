import { createInterface } from "node:readline/promises";
import { topicsAddress } from "../addresses.ts";
import { diagnose, harmless, print, printJson } from "../output.ts";
import { UsageError } from "../usage-error.ts";
import { type Letter, letterOf, placeOf, topicNamed } from "./letter.ts";
import { unshown, wantedOf, type WantedOptions } from "./list.ts";
import { slicesOf } from "./replay-slices.ts";
import { type DeadLetterTopics, withDeadLetterTopics } from "./dead-letter-topics.ts";
import { unknownPosition } from "./show.ts";

export interface ReplayOptions extends WantedOptions {
  readonly all: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly dataDir: string;
  readonly json: boolean;
}

/** Named one by one before a question; beyond, their number is. */
const namedMax = 10;

/**
 * `sluice dead-letters replay`: copies to their topics what stood on the shelf when it was asked
 * for. What becomes a dead letter again comes behind that, and is not taken again.
 */
export async function replayDeadLetters(
  position: string | undefined,
  options: ReplayOptions,
): Promise<number> {
  const filter = selectionOf(position, options);
  const address = await topicsAddress(options.dataDir, process.env);
  return withDeadLetterTopics(address, async (shelf) => {
    const letters = await filter(shelf);
    if (!options.json) print(summaryOf(letters));
    const isSent = letters.length > 0 && !options.dryRun && (await isConfirmed(letters, options));
    if (isSent) await send(shelf, letters);
    const positions = letters.map((each) => each.position);
    if (options.json) printJson({ matching: letters.length, isSent, positions });
    else if (isSent) print(`Sent ${letters.length}.\n`);
    else print("Nothing was sent.\n");
    return 0;
  });
}

/** What is meant, checked before anything is asked of Kafka. @throws UsageError */
function selectionOf(
  position: string | undefined,
  options: ReplayOptions,
): (shelf: DeadLetterTopics) => Promise<readonly Letter[]> {
  const { all, topic, code } = options;
  if (all === (position !== undefined))
    throw new UsageError("Give the position of one, or --all for all that match.");
  if (!options.dryRun && !options.yes && !process.stdin.isTTY)
    throw new UsageError("There is no terminal to ask on: give --yes, or --dry-run to look first.");
  if (position === undefined) {
    const wanted = wantedOf(options);
    return async (shelf) => {
      const { letters, unseen } = await shelf.find(wanted);
      diagnose(unshown(0, unseen));
      return letters;
    };
  }
  if (topic !== undefined || code !== undefined)
    throw new UsageError("--topic and --code choose among --all, not where a position is given.");
  const place = placeOf(position);
  return async (shelf) => {
    const message = await shelf.take(place);
    if (!message) throw unknownPosition(position);
    return [letterOf(place.topic, message)];
  };
}

async function send(shelf: DeadLetterTopics, letters: readonly Letter[]): Promise<void> {
  for (const { topic: name, letters: slice } of slicesOf(letters)) {
    const topic = topicNamed(name);
    // oxlint-disable-next-line no-await-in-loop -- a slice is what memory is to hold
    await shelf.replay(topic, await shelf.takeAll(topic, slice));
  }
}

async function isConfirmed(letters: readonly Letter[], { yes }: ReplayOptions): Promise<boolean> {
  if (yes) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(
      `Send ${letters.length} to where they came from? [y/N] `,
    );
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

/** How many of which code go where; a few are named. Pure. */
export function summaryOf(letters: readonly Letter[]): string {
  if (letters.length === 0) return "None match.\n";
  const groups = Map.groupBy(letters, ({ topic, code }) => `${topic}  ${code ?? "-"}`);
  if (letters.length > namedMax)
    return [...groups].map(([name, of]) => harmless(`  ${name}  ${of.length}`) + "\n").join("");
  return letters.map(({ position, code }) => `  ${position}  ${harmless(code ?? "-")}\n`).join("");
}
