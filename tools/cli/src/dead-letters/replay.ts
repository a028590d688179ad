import { createInterface } from "node:readline/promises";
import { topicsAddress } from "../addresses.ts";
import { printToStderr, replaceControlCharacters, print, printJson } from "../output.ts";
import { UsageError } from "../usage-error.ts";
import { type DeadLetter, parsePosition, topicNamed } from "./dead-letter.ts";
import { omissionNotes, filterOf, type FilterOptions } from "./list.ts";
import {
  provedMessage,
  type ReplayableLetter,
  replayableLetterOf,
  replaySecretOf,
  unprovedNote,
  type Vouching,
} from "./replay-proof.ts";
import { slicesOf } from "./replay-slices.ts";
import {
  type DeadLetterTopics,
  type DescribeDeadLetter,
  withDeadLetterTopics,
} from "./dead-letter-topics.ts";
import { unknownPosition } from "./show.ts";

export interface ReplayOptions extends FilterOptions {
  readonly all: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly dataDir: string;
  readonly json: boolean;
}

/** Up to this many are named one by one before the confirmation; more are only counted. */
const namedMax = 10;

/**
 * Runs `sluice dead-letters replay`. It copies only the dead letters that existed when it started: a
 * message that becomes a dead letter again is appended after them and is not replayed again.
 */
export async function replayDeadLetters(
  position: string | undefined,
  options: ReplayOptions,
): Promise<number> {
  const filter = selectionOf(position, options);
  const address = topicsAddress(options.dataDir, process.env);
  return withDeadLetterTopics(address, async (deadLetterTopics) => {
    const vouching = vouchingOf(position, options, address.kafka.topicPrefix);
    const deadLetters = await filter(deadLetterTopics, (topic, message) =>
      replayableLetterOf(topic, message, vouching),
    );
    if (!options.json) print(summaryOf(deadLetters));
    printToStderr(unprovedNote(deadLetters, vouching));
    const isSent =
      deadLetters.length > 0 && !options.dryRun && (await isConfirmed(deadLetters, options));
    if (isSent) await send(deadLetterTopics, deadLetters, vouching);
    const positions = deadLetters.map((each) => each.position);
    if (options.json) printJson({ matching: deadLetters.length, isSent, positions });
    else if (isSent) print(`Sent ${deadLetters.length}.\n`);
    else print("Nothing was sent.\n");
    return 0;
  });
}

/** Returns a function that finds the chosen dead letters. Checks the options first. @throws UsageError */
function selectionOf(
  position: string | undefined,
  options: ReplayOptions,
): (
  deadLetterTopics: DeadLetterTopics,
  describe: DescribeDeadLetter<ReplayableLetter>,
) => Promise<readonly ReplayableLetter[]> {
  const { all, topic, code } = options;
  if (all === (position !== undefined))
    throw new UsageError(
      "Give the position of one dead letter, or --all to replay all that match.",
    );
  if (!options.dryRun && !options.yes && !process.stdin.isTTY)
    throw new UsageError(
      "There is no terminal for the confirmation. Pass --yes, or --dry-run to see what would be sent.",
    );
  if (position === undefined) {
    const filter = filterOf(options);
    return async (deadLetterTopics, describe) => {
      const { deadLetters, notScanned } = await deadLetterTopics.find(filter, describe);
      printToStderr(omissionNotes(0, notScanned));
      return deadLetters;
    };
  }
  if (topic !== undefined || code !== undefined)
    throw new UsageError("--topic and --code work only with --all, not with a position.");
  const parsed = parsePosition(position);
  return async (deadLetterTopics, describe) => {
    const message = await deadLetterTopics.read(parsed);
    if (!message) throw unknownPosition(position);
    return [describe(parsed.topic, message)];
  };
}

async function send(
  deadLetterTopics: DeadLetterTopics,
  deadLetters: readonly ReplayableLetter[],
  vouching: Vouching,
): Promise<void> {
  const vouched = new Set(
    deadLetters.filter(({ isVouchedFor }) => isVouchedFor).map((each) => each.position),
  );
  for (const { topic: name, deadLetters: slice } of slicesOf(deadLetters)) {
    const topic = topicNamed(name);
    // oxlint-disable-next-line no-await-in-loop -- one slice at a time bounds the memory
    const messages = await deadLetterTopics.readAll(topic, slice);
    const now = Date.now();
    const proved = messages.map((message) => {
      const position = `${name}/${message.partition}/${message.offset}`;
      return vouched.has(position) ? provedMessage(message, position, vouching, now) : message;
    });
    // oxlint-disable-next-line no-await-in-loop -- as above
    await deadLetterTopics.replay(topic, proved);
  }
}

function vouchingOf(
  position: string | undefined,
  { dataDir, code }: ReplayOptions,
  topicPrefix: string,
): Vouching {
  const secret = replaySecretOf(dataDir, process.env);
  return { topicPrefix, secret, isChosen: position !== undefined || code !== undefined };
}

async function isConfirmed(
  deadLetters: readonly DeadLetter[],
  { yes }: ReplayOptions,
): Promise<boolean> {
  if (yes) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(
      `Send these ${deadLetters.length} to their original topics? [y/N] `,
    );
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

/** Returns a list of the dead letters, or their number by topic and code if there are many. Pure. */
export function summaryOf(deadLetters: readonly DeadLetter[]): string {
  if (deadLetters.length === 0) return "No dead letters match.\n";
  const groups = Map.groupBy(deadLetters, ({ topic, code }) => `${topic}  ${code ?? "-"}`);
  if (deadLetters.length > namedMax)
    return [...groups]
      .map(([name, of]) => replaceControlCharacters(`  ${name}  ${of.length}`) + "\n")
      .join("");
  return deadLetters
    .map(({ position, code }) => `  ${position}  ${replaceControlCharacters(code ?? "-")}\n`)
    .join("");
}
