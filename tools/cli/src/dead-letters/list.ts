import { topicsAddress } from "../addresses.ts";
import { diagnose, harmless, inColour, print, printJson } from "../output.ts";
import { type Letter, newestFirst, topicNamed } from "./letter.ts";
import { requestIdsOf } from "./request-ids.ts";
import { type Wanted, withDeadLetterTopics } from "./dead-letter-topics.ts";

export interface WantedOptions {
  readonly topic?: string | undefined;
  readonly code?: string | undefined;
  readonly scan: number;
}

export interface ListOptions extends WantedOptions {
  readonly limit: number;
  readonly dataDir: string;
  readonly json: boolean;
}

/** `sluice dead-letters list`: the newest, without their content. */
export async function listDeadLetters(options: ListOptions): Promise<number> {
  const wanted = wantedOf(options);
  const address = await topicsAddress(options.dataDir, process.env);
  await withDeadLetterTopics(address, async (shelf) => {
    const { letters, unseen } = await shelf.find(wanted);
    const shown = newestFirst(letters).slice(0, options.limit);
    const ids = await requestIdsOf(shelf, shown);
    if (options.json)
      printJson(shown.map((each) => ({ ...each, requestId: ids.get(each.position) ?? null })));
    else print(shown.map((each) => linesOf(each, ids.get(each.position))).join(""));
    if (letters.length === 0) diagnose("There are none.\n");
    diagnose(unshown(letters.length - shown.length, unseen));
  });
  return 0;
}

export function wantedOf({ topic, code, scan }: WantedOptions): Wanted {
  return { topic: topic === undefined ? undefined : topicNamed(topic), code, scan };
}

/** What a reader could miss, named. */
export function unshown(more: number, unseen: bigint): string {
  return [
    more > 0 ? `${more} older ones match as well: --limit shows more.\n` : "",
    unseen > 0n ? `${unseen} older messages were not looked at: --scan looks further.\n` : "",
  ].join("");
}

/** Two lines, so that ids and codes stand whole within 80 columns. */
function linesOf(letter: Letter, requestId: string | undefined): string {
  const { position, deadLetteredAt, stage, code } = letter;
  const first = [position, new Date(deadLetteredAt).toISOString(), stage ?? "-"].join("  ");
  const request = requestId === undefined ? "" : `  request ${requestId}`;
  return `${harmless(first)}\n    ${inColour("yellow", harmless(code ?? "-"))}${harmless(request)}\n`;
}
