import { topicsAddress } from "../addresses.ts";
import { printToStderr, replaceControlCharacters, inColour, print, printJson } from "../output.ts";
import { type DeadLetter, deadLetterOf, newestFirst, topicNamed } from "./dead-letter.ts";
import { requestIdsOf } from "./request-ids.ts";
import { type DeadLetterFilter, withDeadLetterTopics } from "./dead-letter-topics.ts";

export interface FilterOptions {
  readonly topic?: string | undefined;
  readonly code?: string | undefined;
  readonly scan: number;
}

export interface ListOptions extends FilterOptions {
  readonly limit: number;
  readonly dataDir: string;
  readonly json: boolean;
}

/** Runs `sluice dead-letters list`, which prints the newest dead letters without their content. */
export async function listDeadLetters(options: ListOptions): Promise<number> {
  const filter = filterOf(options);
  const address = topicsAddress(options.dataDir, process.env);
  await withDeadLetterTopics(address, async (deadLetterTopics) => {
    const { deadLetters, notScanned } = await deadLetterTopics.find(filter, deadLetterOf);
    const shown = newestFirst(deadLetters).slice(0, options.limit);
    const ids = await requestIdsOf(deadLetterTopics, shown);
    if (options.json)
      printJson(shown.map((each) => ({ ...each, requestId: ids.get(each.position) ?? null })));
    else print(shown.map((each) => linesOf(each, ids.get(each.position))).join(""));
    if (deadLetters.length === 0) printToStderr("There are no matching dead letters.\n");
    printToStderr(omissionNotes(deadLetters.length - shown.length, notScanned));
  });
  return 0;
}

export function filterOf({ topic, code, scan }: FilterOptions): DeadLetterFilter {
  return { topic: topic === undefined ? undefined : topicNamed(topic), code, scan };
}

/** Returns notes about dead letters that are not shown, so that the user does not miss them. */
export function omissionNotes(more: number, notScanned: bigint): string {
  return [
    more > 0
      ? `Older dead letters that also match: ${more}. Use a larger --limit to show them.\n`
      : "",
    notScanned > 0n
      ? `Older messages that were not read: ${notScanned}. Use a larger --scan to include them.\n`
      : "",
  ].join("");
}

/** Returns two lines, because ids and codes do not fit on one line of 80 columns. */
function linesOf(deadLetter: DeadLetter, requestId: string | undefined): string {
  const { position, deadLetteredAt, stage, code } = deadLetter;
  const first = [position, new Date(deadLetteredAt).toISOString(), stage ?? "-"].join("  ");
  const request = requestId === undefined ? "" : `  request ${requestId}`;
  return `${replaceControlCharacters(first)}\n    ${inColour("yellow", replaceControlCharacters(code ?? "-"))}${replaceControlCharacters(request)}\n`;
}
