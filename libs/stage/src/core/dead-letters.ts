import { deadLetterNameOf } from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";
import { type DeadLetter } from "./effects.ts";
import type { RawMessage } from "./raw-message.ts";

/**
 * Returns the original message, byte for byte, with headers that give the reason and the origin. The
 * message keeps its own headers, so that a replay is a copy. If a replayed message is dead-lettered
 * again, the new headers replace those of the first time.
 */
export function deadLetterOf(
  raw: RawMessage,
  code: string,
  stage: string,
  at: EpochMillis,
): DeadLetter {
  return {
    kind: "dead-letter",
    topic: deadLetterNameOf(raw.topic),
    key: raw.key,
    value: raw.value,
    partition: raw.partition,
    headers: {
      ...raw.headers,
      "dead-letter-code": code,
      "dead-letter-stage": stage,
      "dead-letter-topic": raw.topic,
      "dead-letter-partition": String(raw.partition),
      "dead-letter-offset": String(raw.offset),
      "dead-letter-appended-at": String(raw.appendedAt),
      "dead-letter-at": String(at),
      ...omissionOf(raw),
    },
  };
}

/**
 * Marks a message that could not be read. The original is at the place that the headers name, while
 * its topic keeps it.
 */
function omissionOf({ unreadable }: RawMessage): Record<string, string> {
  if (!unreadable) return {};
  const messages = String(unreadable.messages);
  return { "dead-letter-omitted": "original", "dead-letter-messages": messages };
}

/**
 * Returns a dead letter without the original bytes, for a broker that refuses them because we
 * compress them less well than their producer did. Its headers name the place of the original, which
 * its topic keeps for its retention. Otherwise the dead letter would stop its partition forever.
 */
export function withoutOriginal(message: DeadLetter): DeadLetter {
  const own = Object.entries(message.headers).filter(([name]) => name.startsWith("dead-letter-"));
  const headers = { ...Object.fromEntries(own), "dead-letter-omitted": "original" };
  return { ...message, key: null, value: null, headers };
}
