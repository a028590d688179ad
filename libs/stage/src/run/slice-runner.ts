import { Defect, PermanentFault, type TransientFault } from "@sluice/domain";
import { deadLetter, type Delivery, type Effect, type Publishable } from "../core/effects.ts";
import type { EventProducer } from "../core/event-producer.ts";
import { isOutage, poisonOf } from "../core/faults.ts";
import type { StageLogger } from "../core/logger.ts";
import type { MessageReader, Opened } from "./message-reader.ts";
import { publishEffect } from "./publish-refused.ts";
import type { RawMessage } from "../core/raw-message.ts";
import type { SliceStage } from "../core/stage.ts";

/** The progress of a slice: its first `done` messages are published and settled. */
export interface SliceResult {
  readonly done: number;
  readonly outage?: TransientFault;
}

/**
 * Processes a slice from bytes to acknowledged effects, without any use of Kafka. It reports outages,
 * dead-letters poison messages, and isolates the message that causes a defect.
 */
export class SliceRunner<In> {
  constructor(
    private readonly stage: SliceStage<In>,
    private readonly reader: MessageReader<In>,
    private readonly producer: EventProducer,
    private readonly logger: StageLogger,
  ) {}

  async run(slice: readonly RawMessage[]): Promise<SliceResult> {
    const { opened, outage } = await this.open(slice);
    const result = await this.runOpened(opened);
    if (result.outage || !outage) return result;
    return { done: result.done, outage };
  }

  /** Decodes up to the first message that must wait for the registry. The messages before it are processed. */
  private async open(
    slice: readonly RawMessage[],
  ): Promise<{ opened: Opened<In>[]; outage?: TransientFault }> {
    const opened: Opened<In>[] = [];
    for (const raw of slice) {
      try {
        opened.push(await this.reader.open(raw));
      } catch (error) {
        if (isOutage(error)) return { opened, outage: error };
        throw error;
      }
    }
    return { opened };
  }

  private async runOpened(opened: readonly Opened<In>[]): Promise<SliceResult> {
    if (opened.length === 0) return { done: 0 };
    try {
      await this.workOn(opened);
      return { done: opened.length };
    } catch (error) {
      if (isOutage(error)) return { done: 0, outage: error };
      if (opened.length > 1) {
        this.logger.warn(
          { err: error, messages: opened.length },
          "the slice runs again one message at a time",
        );
        return this.oneByOne(opened);
      }
      return this.deadLetterAlone(opened[0]!, error);
    }
  }

  private async oneByOne(opened: readonly Opened<In>[]): Promise<SliceResult> {
    for (const [index, each] of opened.entries()) {
      const { outage } = await this.runOpened([each]);
      if (outage) return { done: index, outage };
    }
    return { done: opened.length };
  }

  /** Dead-letters a message that still throws when it is processed alone. */
  private async deadLetterAlone(opened: Opened<In>, thrown: unknown): Promise<SliceResult> {
    const poison = opened.kind === "poison" ? opened.poison : poisonOf(thrown);
    if (!(thrown instanceof PermanentFault))
      this.logger.error(
        { ...this.reader.fieldsOf(opened.raw), err: thrown },
        "the stage threw: a defect",
      );
    const effect = deadLetter(poison.code, poison.reason);
    try {
      await this.publishAlone(opened, effect, await this.reader.publishableOf(opened, effect));
      this.reader.count(opened, effect);
      return { done: 1 };
    } catch (error) {
      if (isOutage(error)) return { done: 0, outage: error };
      throw error;
    }
  }

  private async workOn(opened: readonly Opened<In>[]): Promise<void> {
    const deliveries = opened.flatMap((each) => (each.kind === "delivery" ? [each.delivery] : []));
    const effects = await this.effectsOf(deliveries);
    const decided = effects.values();
    const all = opened.map((each): Effect =>
      each.kind === "poison"
        ? deadLetter(each.poison.code, each.poison.reason)
        : decided.next().value!,
    );
    const published = [];
    for (const [index, each] of opened.entries())
      published.push(...(await this.reader.publishableOf(each, all[index]!)));
    await this.publish(opened, all, published);
    if (deliveries.length > 0) await this.settle(deliveries, effects);
    for (const [index, each] of opened.entries()) this.reader.count(each, all[index]!);
  }

  private async publish(
    opened: readonly Opened<In>[],
    effects: readonly Effect[],
    messages: readonly Publishable[],
  ): Promise<void> {
    if (opened.length === 1) await this.publishAlone(opened[0]!, effects[0]!, messages);
    else await this.producer.send(messages);
  }

  /** Shortens what the broker refuses, which in a slice of several messages could be another one. */
  private async publishAlone(
    opened: Opened<In>,
    effect: Effect,
    messages: readonly Publishable[],
  ): Promise<void> {
    await publishEffect(this.producer, effect, messages, {
      onShortened: (refused) => this.reader.shortened(opened, refused),
      onUnpublished: (message, error) => this.reader.unpublished(opened, message, error),
    });
  }

  /**
   * Calls the stage's hook. The effects are on the log already, and the requests continue with them. A
   * defect in the hook is therefore logged, and never dead-letters a message. After one for several
   * messages the hook is called for each of them, so that the others are settled.
   */
  private async settle(
    deliveries: readonly Delivery<In>[],
    effects: readonly Effect[],
  ): Promise<void> {
    try {
      await this.stage.settled?.(deliveries, effects);
    } catch (error) {
      if (isOutage(error)) throw error;
      if (deliveries.length > 1) {
        for (const [index, delivery] of deliveries.entries())
          await this.settle([delivery], [effects[index]!]);
        return;
      }
      this.reader.unsettled(deliveries[0]!, error);
    }
  }

  private async effectsOf(deliveries: readonly Delivery<In>[]): Promise<readonly Effect[]> {
    if (deliveries.length === 0) return [];
    const effects = await this.stage.process(deliveries);
    if (effects.length !== deliveries.length)
      throw new Defect(
        "STAGE_EFFECTS_MISCOUNTED",
        `The stage returned ${effects.length} effects for ${deliveries.length} messages.`,
      );
    return effects;
  }
}
