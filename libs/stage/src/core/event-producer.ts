import type { Publishable } from "./effects.ts";

/** Port: publishes records on topics. */
export abstract class EventProducer {
  /**
   * Resolves when all in-sync replicas have acknowledged all of `messages`. After a rejection it is
   * unknown which of them are on the log: send them again with the same ids.
   *
   * @throws TransientFault `STAGE_BROKER_UNAVAILABLE` within a bounded time, `STAGE_PRODUCER_FULL`
   *   when too many messages wait, `STAGE_PRODUCER_CLOSED`; PermanentFault `STAGE_MESSAGE_REFUSED` for
   *   a message that the broker will never accept; and what the codecs throw for a record that is not
   *   of its topic's type
   */
  abstract send(messages: readonly Publishable[]): Promise<void>;
}
