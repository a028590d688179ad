import { topicsAddress } from "../addresses.ts";
import { printToStderr, replaceControlCharacters, inColour, print, printJson } from "../output.ts";
import { type DeadLetter, newestFirst, topicNamed } from "./dead-letter.ts";
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

/** `sluice dead-letters list`: the newest, without their content. */
export async function listDeadLetters(options: ListOptions): Promise<number> {
  const filter = filterOf(options);
  const address = await topicsAddress(options.dataDir, process.env);
  await withDeadLetterTopics(address, async (deadLetterTopics) => {
    const { deadLetters, notScanned } = await deadLetterTopics.find(filter);
    const shown = newestFirst(deadLetters).slice(0, options.limit);
    const ids = await requestIdsOf(deadLetterTopics, shown);
    if (options.json)
      printJson(shown.map((each) => ({ ...each, requestId: ids.get(each.position) ?? null })));
    else print(shown.map((each) => linesOf(each, ids.get(each.position))).join(""));
    if (deadLetters.length === 0) printToStderr("There are none.\n");
    printToStderr(omissionNotes(deadLetters.length - shown.length, notScanned));
  });
  return 0;
}

export function filterOf({ topic, code, scan }: FilterOptions): DeadLetterFilter {
  return { topic: topic === undefined ? undefined : topicNamed(topic), code, scan };
}

/** What a reader could miss, named. */
export function omissionNotes(more: number, notScanned: bigint): string {
  return [
    more > 0 ? `${more} older ones match as well: --limit shows more.\n` : "",
    notScanned > 0n
      ? `${notScanned} older messages were not looked at: --scan looks further.\n`
      : "",
  ].join("");
}

/** Two lines, so that ids and codes stand whole within 80 columns. */
function linesOf(deadLetter: DeadLetter, requestId: string | undefined): string {
  const { position, deadLetteredAt, stage, code } = deadLetter;
  const first = [position, new Date(deadLetteredAt).toISOString(), stage ?? "-"].join("  ");
  const request = requestId === undefined ? "" : `  request ${requestId}`;
  return `${replaceControlCharacters(first)}\n    ${inColour("yellow", replaceControlCharacters(code ?? "-"))}${replaceControlCharacters(request)}\n`;
}
