import { PermanentFault } from "@sluice/domain";
import { withoutOriginal } from "../core/dead-letters.ts";
import { type Effect, isDeadLetter, type Publishable } from "../core/effects.ts";
import type { EventProducer } from "../core/event-producer.ts";
import { isOutage } from "../core/faults.ts";

export interface RefusalReports {
  /** Called with the broker's reason before messages are published in a shorter form. */
  readonly onShortened: (refused: Error) => void;
  /** Called for a message that cannot be published even in a shorter form. */
  readonly onUnpublished: (message: Publishable, error: unknown) => void;
}

/**
 * Publishes the effect of one message. What the broker never accepts is published once more in a
 * shorter form. If it refuses that too, the message has to be dead-lettered. A dead letter and the
 * outcome published with it are then given up one by one, because nothing else could end them, and
 * they would stop their partition for good.
 *
 * @throws TransientFault in an outage; PermanentFault if the broker refuses an effect other than a dead letter
 */
export async function publishEffect(
  producer: EventProducer,
  effect: Effect,
  messages: readonly Publishable[],
  reports: RefusalReports,
): Promise<void> {
  try {
    await publishOrShorten(producer, messages, reports);
  } catch (error) {
    if (isOutage(error) || effect.kind !== "dead-letter") throw error;
    for (const message of messages) await publishIfPossible(producer, message, reports);
  }
}

async function publishIfPossible(
  producer: EventProducer,
  message: Publishable,
  reports: RefusalReports,
): Promise<void> {
  try {
    await publishOrShorten(producer, [message], reports);
  } catch (error) {
    if (isOutage(error)) throw error;
    reports.onUnpublished(message, error);
  }
}

async function publishOrShorten(
  producer: EventProducer,
  messages: readonly Publishable[],
  { onShortened }: RefusalReports,
): Promise<void> {
  try {
    await producer.send(messages);
  } catch (error) {
    if (!(error instanceof PermanentFault)) throw error;
    const shorter = messages.map(shortened);
    if (shorter.every((message, index) => message === messages[index])) throw error;
    onShortened(error);
    await producer.send(shorter);
  }
}

/** Returns the same message if it has nothing to leave out. */
function shortened(message: Publishable): Publishable {
  if (isDeadLetter(message)) return withoutOriginal(message);
  const { topic, record } = message;
  const shorter = topic.shorten?.(record) ?? record;
  return shorter === record ? message : { ...message, record: shorter };
}
