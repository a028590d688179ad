import { writeFileSync } from "node:fs";
import { PermanentFault } from "@sluice/domain";
import type { RawMessage } from "@sluice/stage";
import { topicsAddress } from "../addresses.ts";
import { diagnose, harmless, jsonOf, lineOf, print, printJson } from "../output.ts";
import { headersOf, type Letter, letterOf, placeOf } from "./letter.ts";
import { requestIdIn } from "./request-ids.ts";
import { withDeadLetterTopics } from "./dead-letter-topics.ts";

export interface ShowOptions {
  /** A file, or `-`. */
  readonly value?: string | undefined;
  readonly decode: boolean;
  readonly dataDir: string;
  readonly json: boolean;
}

export type DeadLetterFaultCode = "CLI_DEAD_LETTER_UNKNOWN" | "CLI_DEAD_LETTER_UNREADABLE";

/** `sluice dead-letters show`: what is known of one; its content on demand alone. */
export async function showDeadLetter(position: string, options: ShowOptions): Promise<number> {
  const place = placeOf(position);
  const address = await topicsAddress(options.dataDir, process.env);
  await withDeadLetterTopics(address, async (shelf) => {
    const message = await shelf.take(place);
    if (!message) throw unknownPosition(position);
    if (options.value !== undefined) return writeValue(message, options.value);
    const record = await shelf.decode(place.topic, message);
    if (options.decode && record === undefined) throw unreadable(position);
    const letter = letterOf(place.topic, message);
    const content = options.decode ? { record } : {};
    const requestId = requestIdIn(record) ?? null;
    const headers = headersOf(message);
    if (options.json)
      return printJson({ ...letter, requestId, headers: Object.fromEntries(headers), ...content });
    print(textOf(letter, requestId, headers));
    if (options.decode) print(`\n${jsonOf(record, 2)}\n`);
  });
  return 0;
}

export function unknownPosition(position: string): PermanentFault {
  const code: DeadLetterFaultCode = "CLI_DEAD_LETTER_UNKNOWN";
  return new PermanentFault(
    code,
    `Nothing stands at ${position}: see "sluice dead-letters list"; what is too old is gone.`,
  );
}

function unreadable(position: string): PermanentFault {
  const code: DeadLetterFaultCode = "CLI_DEAD_LETTER_UNREADABLE";
  return new PermanentFault(
    code,
    `What stands at ${position} is no record of its topic: --value gives its bytes.`,
  );
}

function writeValue({ value }: RawMessage, file: string): void {
  const bytes = value ?? Buffer.alloc(0);
  if (file === "-") return print(bytes);
  writeFileSync(file, bytes);
  diagnose(`${bytes.length} bytes are in ${file}.\n`);
}

function textOf(
  letter: Letter,
  requestId: string | null,
  headers: readonly (readonly [string, string])[],
): string {
  const { source, keyBytes, valueBytes } = letter;
  const lines = [
    ["position", letter.position],
    ["code", letter.code],
    ["stage", letter.stage],
    ["time", new Date(letter.deadLetteredAt).toISOString()],
    ["came from", `partition ${source.partition ?? "-"}, offset ${source.offset ?? "-"}`],
    ["request", requestId],
    ["key", keyBytes === null ? "none" : `${keyBytes} bytes`],
    ["value", valueBytes === null ? "none" : `${valueBytes} bytes`],
  ] as const;
  const known = lines.map(([name, text]) => lineOf(name, harmless(text ?? "-"))).join("");
  // Their own width: a name that is longer than its column has a gap all the same.
  const width = Math.max(0, ...headers.map(([name]) => name.length));
  const all = headers.map(
    ([name, text]) => `  ${harmless(name.padEnd(width))}  ${harmless(text)}\n`,
  );
  return `${known}\nHeaders\n${all.join("")}`;
}
