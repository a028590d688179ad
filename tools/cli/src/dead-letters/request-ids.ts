import { TransientFault } from "@sluice/domain";
import { printToStderr } from "../output.ts";
import { type DeadLetter, topicNamed } from "./dead-letter.ts";
import type { DeadLetterTopics } from "./dead-letter-topics.ts";

/** The request ids of those dead letters that can be read, by position. Without a registry none is known. */
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
        // oxlint-disable-next-line no-await-in-loop -- a schema is fetched once, then it is no waiting
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

/** All records have it, or the request that has it. Pure. */
export function requestIdIn(record: unknown): string | undefined {
  if (typeof record !== "object" || record === null) return undefined;
  if ("requestId" in record && typeof record.requestId === "string") return record.requestId;
  return "request" in record ? requestIdIn(record.request) : undefined;
}
