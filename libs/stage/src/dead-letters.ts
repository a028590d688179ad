import { deadLetterNameOf } from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";
import type { DeadLetter } from "./effects.ts";
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
    },
  };
}
