import { writeFileSync } from "node:fs";
import { PermanentFault } from "@sluice/domain";
import type { RawMessage } from "@sluice/stage";
import { topicsAddress } from "../addresses.ts";
import {
  printToStderr,
  replaceControlCharacters,
  jsonOf,
  labelledLine,
  print,
  printJson,
} from "../output.ts";
import { headersOf, type DeadLetter, deadLetterOf, parsePosition } from "./dead-letter.ts";
import { requestIdIn } from "./request-ids.ts";
import { withDeadLetterTopics } from "./dead-letter-topics.ts";

export interface ShowOptions {
  /** The file for the original bytes, or `-` for standard output. */
  readonly value?: string | undefined;
  readonly decode: boolean;
  readonly dataDir: string;
  readonly json: boolean;
}

export type DeadLetterFaultCode = "CLI_DEAD_LETTER_UNKNOWN" | "CLI_DEAD_LETTER_UNREADABLE";

/** Runs `sluice dead-letters show`, which prints one dead letter, and its content only on request. */
export async function showDeadLetter(position: string, options: ShowOptions): Promise<number> {
  const parsed = parsePosition(position);
  const address = topicsAddress(options.dataDir, process.env);
  await withDeadLetterTopics(address, async (deadLetterTopics) => {
    const message = await deadLetterTopics.read(parsed);
    if (!message) throw unknownPosition(position);
    if (options.value !== undefined) return writeValue(message, options.value);
    const record = await deadLetterTopics.decode(parsed.topic, message);
    if (options.decode && record === undefined) throw unreadable(position);
    const deadLetter = deadLetterOf(parsed.topic, message);
    const content = options.decode ? { record } : {};
    const requestId = requestIdIn(record) ?? null;
    const headers = headersOf(message);
    if (options.json)
      return printJson({
        ...deadLetter,
        requestId,
        headers: Object.fromEntries(headers),
        ...content,
      });
    print(textOf(deadLetter, requestId, headers));
    if (options.decode) print(`\n${jsonOf(record, 2)}\n`);
  });
  return 0;
}

export function unknownPosition(position: string): PermanentFault {
  const code: DeadLetterFaultCode = "CLI_DEAD_LETTER_UNKNOWN";
  return new PermanentFault(
    code,
    `There is no dead letter at ${position}. It may have passed its retention. ` +
      'Run "sluice dead-letters list" to see the available ones.',
  );
}

function unreadable(position: string): PermanentFault {
  const code: DeadLetterFaultCode = "CLI_DEAD_LETTER_UNREADABLE";
  return new PermanentFault(
    code,
    `The dead letter at ${position} cannot be decoded by its topic's schema. ` +
      "Use --value to get its original bytes.",
  );
}

function writeValue({ value }: RawMessage, file: string): void {
  const bytes = value ?? Buffer.alloc(0);
  if (file === "-") return print(bytes);
  writeFileSync(file, bytes);
  printToStderr(`Wrote ${bytes.length} bytes to ${file}.\n`);
}

function textOf(
  deadLetter: DeadLetter,
  requestId: string | null,
  headers: readonly (readonly [string, string])[],
): string {
  const { source, keyBytes, valueBytes } = deadLetter;
  const lines = [
    ["position", deadLetter.position],
    ["code", deadLetter.code],
    ["stage", deadLetter.stage],
    ["time", new Date(deadLetter.deadLetteredAt).toISOString()],
    ["source", `partition ${source.partition ?? "-"}, offset ${source.offset ?? "-"}`],
    ["request", requestId],
    ["key", keyBytes === null ? "none" : `${keyBytes} bytes`],
    ["value", valueBytes === null ? "none" : `${valueBytes} bytes`],
  ] as const;
  const known = lines
    .map(([name, text]) => labelledLine(name, replaceControlCharacters(text ?? "-")))
    .join("");
  // Computes the width from the names, because a header's name may be longer than a fixed column.
  const width = Math.max(0, ...headers.map(([name]) => name.length));
  const all = headers.map(
    ([name, text]) =>
      `  ${replaceControlCharacters(name.padEnd(width))}  ${replaceControlCharacters(text)}\n`,
  );
  return `${known}\nHeaders\n${all.join("")}`;
}
