import type { EpochMillis } from "@sluice/domain";
import {
  type DeadLetter,
  type Delivery,
  isDeadLetter,
  type Outgoing,
  type Publishable,
} from "./effects.ts";
import { EventProducer } from "./event-producer.ts";

/** A fake that keeps the sent messages in order. `fault` makes the next sends fail. */
export class InMemoryEventProducer extends EventProducer {
  readonly sent: Publishable[] = [];
  /** Every send throws this while it is set. */
  fault: Error | undefined;

  override async send(messages: readonly Publishable[]): Promise<void> {
    if (this.fault) throw this.fault;
    this.sent.push(...messages);
  }

  get records(): readonly Outgoing[] {
    return this.sent.flatMap((message) => (isDeadLetter(message) ? [] : [message]));
  }

  get deadLetters(): readonly DeadLetter[] {
    return this.sent.filter(isDeadLetter);
  }
}

/** Returns a delivery for the test of a stage. Members that are not given have plain defaults. */
export function deliveryOf<R>(record: R, given: Partial<Delivery<R>> = {}): Delivery<R> {
  const appendedAt: EpochMillis = 0;
  return {
    record,
    key: "key",
    headers: {},
    value: Buffer.alloc(0),
    topic: "topic",
    partition: 0,
    offset: 0n,
    appendedAt,
    ...given,
  };
}
