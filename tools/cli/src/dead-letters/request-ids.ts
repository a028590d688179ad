import { TransientFault } from "@sluice/domain";
import { printToStderr } from "../output.ts";
import { type DeadLetter, topicNamed } from "./dead-letter.ts";
import type { DeadLetterTopics } from "./dead-letter-topics.ts";

/**
 * Returns the request ids of the dead letters that can be decoded, by position. Returns none, with a
 * note on standard error, if the registry is unavailable.
 */
export async function requestIdsOf(
  deadLetterTopics: DeadLetterTopics,
  deadLetters: readonly DeadLetter[],
): Promise<ReadonlyMap<string, string>> {
  const ids = new Map<string, string>();
  try {
    for (const [name, of] of Map.groupBy(deadLetters, ({ topic }) => topic)) {
      const topic = topicNamed(name);
      // oxlint-disable-next-line no-await-in-loop -- one consumer at a time
      for (const message of await deadLetterTopics.readAll(topic, of)) {
        // oxlint-disable-next-line no-await-in-loop -- only the first message of a schema waits for the registry
        const id = requestIdIn(await deadLetterTopics.decode(topic, message));
        if (id !== undefined) ids.set(`${name}/${message.partition}/${message.offset}`, id);
      }
    }
  } catch (error) {
    if (!(error instanceof TransientFault)) throw error;
    printToStderr(`Request ids are not shown: ${error.message}\n`);
  }
  return ids;
}

/** Returns the request id of a record, which has it directly or in its request. Pure. */
export function requestIdIn(record: unknown): string | undefined {
  if (typeof record !== "object" || record === null) return undefined;
  if ("requestId" in record && typeof record.requestId === "string") return record.requestId;
  return "request" in record ? requestIdIn(record.request) : undefined;
}
