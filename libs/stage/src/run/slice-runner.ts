import { Defect, PermanentFault, type TransientFault } from "@sluice/domain";
import { withoutOriginal } from "../core/dead-letters.ts";
import { deadLetter, type Delivery, type Effect, type Publishable } from "../core/effects.ts";
import type { EventProducer } from "../core/event-producer.ts";
import { isOutage, poisonOf } from "../core/faults.ts";
import type { StageLogger } from "../core/logger.ts";
import type { MessageReader, Opened } from "./message-reader.ts";
import type { RawMessage } from "../core/raw-message.ts";
import type { SliceStage } from "../core/stage.ts";

/** How far a slice came; `done` messages from its front are published and settled. */
export interface SliceResult {
  readonly done: number;
  readonly outage?: TransientFault;
}

/**
 * One slice from bytes to acknowledged effects, with nothing of Kafka in it:
 * outages are reported, poison leaves, defects isolate.
 */
export class SliceRunner<In> {
  constructor(
    private readonly stage: SliceStage<In>,
    private readonly desk: MessageReader<In>,
    private readonly producer: EventProducer,
    private readonly logger: StageLogger,
  ) {}

  async run(slice: readonly RawMessage[]): Promise<SliceResult> {
    const { opened, outage } = await this.open(slice);
    const result = await this.runOpened(opened);
    if (result.outage || !outage) return result;
    return { done: result.done, outage };
  }

  /** Up to the first message that must wait for the registry: those before it go on. */
  private async open(
    slice: readonly RawMessage[],
  ): Promise<{ opened: Opened<In>[]; outage?: TransientFault }> {
    const opened: Opened<In>[] = [];
    for (const raw of slice) {
      try {
        opened.push(await this.desk.open(raw));
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
        this.logger.warn({ err: error, messages: opened.length }, "slice runs again one by one");
        return this.oneByOne(opened);
      }
      return this.leave(opened[0]!, error);
    }
  }

  private async oneByOne(opened: readonly Opened<In>[]): Promise<SliceResult> {
    for (const [index, each] of opened.entries()) {
      const { outage } = await this.runOpened([each]);
      if (outage) return { done: index, outage };
    }
    return { done: opened.length };
  }

  /** What still throws alone becomes a dead letter. */
  private async leave(opened: Opened<In>, thrown: unknown): Promise<SliceResult> {
    const poison = opened.kind === "poison" ? opened.poison : poisonOf(thrown);
    if (!(thrown instanceof PermanentFault))
      this.logger.error({ ...this.desk.fieldsOf(opened.raw), err: thrown }, "defect in the stage");
    const effect = deadLetter(poison.code, poison.reason);
    try {
      await this.publishLetter(opened, await this.desk.publishableOf(opened, effect));
      this.desk.count(opened, effect);
      return { done: 1 };
    } catch (error) {
      if (isOutage(error)) return { done: 0, outage: error };
      throw error;
    }
  }

  private async publishLetter(opened: Opened<In>, letter: readonly Publishable[]): Promise<void> {
    try {
      await this.producer.send(letter);
    } catch (error) {
      if (!(error instanceof PermanentFault)) throw error;
      const fields = { ...this.desk.fieldsOf(opened.raw), code: error.code, err: error };
      this.logger.error(fields, "a dead letter leaves without the original bytes");
      await this.producer.send(letter.map(withoutOriginal));
    }
  }

  private async workOn(opened: readonly Opened<In>[]): Promise<void> {
    const deliveries = opened.flatMap((each) => (each.kind === "delivery" ? [each.delivery] : []));
    const effects = await this.effectsOf(deliveries);
    const said = effects.values();
    const all = opened.map((each): Effect =>
      each.kind === "poison"
        ? deadLetter(each.poison.code, each.poison.reason)
        : said.next().value!,
    );
    const published = [];
    for (const [index, each] of opened.entries())
      published.push(...(await this.desk.publishableOf(each, all[index]!)));
    await this.producer.send(published);
    if (deliveries.length > 0) await this.stage.settled?.(deliveries, effects);
    for (const [index, each] of opened.entries()) this.desk.count(each, all[index]!);
  }

  private async effectsOf(deliveries: readonly Delivery<In>[]): Promise<readonly Effect[]> {
    if (deliveries.length === 0) return [];
    const effects = await this.stage.process(deliveries);
    if (effects.length !== deliveries.length)
      throw new Defect(
        "STAGE_EFFECTS_MISCOUNTED",
        `${effects.length} effects for ${deliveries.length} messages.`,
      );
    return effects;
  }
}
