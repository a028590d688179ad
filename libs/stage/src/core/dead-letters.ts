import { deadLetterNameOf } from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";
import { type DeadLetter, isDeadLetter, type Publishable } from "./effects.ts";
import type { RawMessage } from "./raw-message.ts";

/**
 * The message as it came, byte for byte, with headers that say why and from
 * where. Its own headers stay, so that a replay is a copy; a second dead-letter
 * of a replayed message replaces the headers of the first.
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
      "dead-letter-at": String(at),
      ...omissionOf(raw),
    },
  };
}

/** What could not be read stands where the headers say, for as long as that topic keeps it. */
function omissionOf({ unreadable }: RawMessage): Record<string, string> {
  if (!unreadable) return {};
  const messages = String(unreadable.messages);
  return { "dead-letter-omitted": "original", "dead-letter-messages": messages };
}

/**
 * A dead letter that the broker refuses, as its bytes pack worse with us than with their sender,
 * leaves without them: its headers say where they stand, for as long as that topic keeps them.
 * Otherwise it would hold up its partition for ever.
 */
export function withoutOriginal(message: Publishable): Publishable {
  if (!isDeadLetter(message)) return message;
  const own = Object.entries(message.headers).filter(([name]) => name.startsWith("dead-letter-"));
  const headers = { ...Object.fromEntries(own), "dead-letter-omitted": "original" };
  return { ...message, key: null, value: null, headers };
}
