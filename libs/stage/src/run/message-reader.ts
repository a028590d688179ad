import type { Topic, TopicCodecs } from "@sluice/contracts";
import { Clock, TransientFault } from "@sluice/domain";
import { deadLetterOf } from "../core/dead-letters.ts";
import {
  type DeadLettering,
  type Delivery,
  type Effect,
  isDeadLetter,
  type Outgoing,
  type Publishable,
  type Undecoded,
} from "../core/effects.ts";
import { codeOf, isOutage, messageOf } from "../core/faults.ts";
import type { StageLogger } from "../core/logger.ts";
import type { StageMetrics } from "../core/metrics.ts";
import { type RawMessage, undecodedFrom } from "../core/raw-message.ts";
import type { DeadLetterOutcome } from "../core/stage.ts";
import { tracedMessage, traceIn } from "../core/trace.ts";

/**
 * The treatment of an unknown schema id while the registry is unavailable: wait for the registry, or
 * dead-letter the message. The latter is for topics that outside clients write, where one bad
 * message must not pause others.
 */
export type UnknownSchemas = "wait" | "dead-letter";

export interface MessageReaderParts<In> {
  readonly stage: string;
  readonly topic: Topic<In>;
  readonly codecs: TopicCodecs;
  readonly deadLetterOutcome: DeadLetterOutcome;
  readonly unknownSchemas: UnknownSchemas;
  /** Longer values are not decoded, because records need many times the memory of their bytes. */
  readonly valueBytesMax: number;
  /** The stage's hook `refuseUndecoded`. */
  readonly refuse?: (message: Undecoded) => DeadLettering | undefined;
  readonly clock: Clock;
  readonly logger: StageLogger;
  readonly metrics: StageMetrics;
}

type Place = Pick<RawMessage, "topic" | "partition" | "offset">;

export interface Poison {
  readonly code: string;
  readonly reason: string;
}

export type Opened<In> =
  | { readonly kind: "delivery"; readonly raw: RawMessage; readonly delivery: Delivery<In> }
  | { readonly kind: "poison"; readonly raw: RawMessage; readonly poison: Poison };

/** Decodes messages and turns effects into messages to publish. Both kinds of stage use it. */
export class MessageReader<In> {
  constructor(private readonly parts: MessageReaderParts<In>) {}

  /** Decodes a message. @throws TransientFault if it must wait for the registry */
  async open(raw: RawMessage): Promise<Opened<In>> {
    const { codecs, topic, unknownSchemas, valueBytesMax, refuse } = this.parts;
    if (raw.unreadable) return poisoned(raw, raw.unreadable.code, raw.unreadable.reason);
    if (raw.value === null) return poisoned(raw, "STAGE_UNDECODABLE", "the message has no value");
    if (raw.value.length > valueBytesMax)
      return poisoned(
        raw,
        "STAGE_MESSAGE_TOO_LONG",
        `the value has more than ${valueBytesMax} bytes`,
      );
    try {
      const undecoded = undecodedFrom(raw, raw.value);
      const refused = refuse?.(undecoded);
      if (refused) return poisoned(raw, refused.code, refused.reason);
      const record = await codecs.decode(topic, raw.value);
      return { kind: "delivery", raw, delivery: { ...undecoded, record } };
    } catch (error) {
      if (isOutage(error) && unknownSchemas === "wait") throw error;
      return poisoned(raw, codeOf(error, "STAGE_UNDECODABLE"), messageOf(error));
    }
  }

  /**
   * Returns the messages that an effect publishes, with the trace headers of the original message.
   *
   * @throws TransientFault if the outcome of a dead letter cannot be claimed now
   */
  async publishableOf(opened: Opened<In>, effect: Effect): Promise<readonly Publishable[]> {
    if (effect.kind === "skip") return [];
    if (effect.kind === "dead-letter") return this.deadLettersOf(opened, effect);
    if (opened.kind === "poison") return effect.messages;
    return tracedAs(opened.delivery, effect.messages);
  }

  count(opened: Opened<In>, effect: Effect): void {
    const { metrics, logger } = this.parts;
    metrics.message(effect.kind);
    const fields = this.fieldsOf(opened.raw);
    if (effect.kind === "emit") return;
    if (effect.kind === "skip") return logger.debug({ ...fields, reason: effect.reason }, "skip");
    metrics.fault(effect.code);
    logger.warn(
      { ...fields, code: effect.code, reason: effect.reason },
      "a message is dead-lettered",
    );
  }

  /** Reports a message that the broker does not accept, and that is published in a shorter form. */
  shortened({ raw }: Opened<In>, refused: Error): void {
    const fields = { ...this.fieldsOf(raw), code: codeOf(refused, "STAGE_DEFECT"), err: refused };
    this.parts.logger.error(
      fields,
      "Kafka refused a message, which is published in a shorter form",
    );
  }

  /** Reports a message that cannot be published at all. The offset of the original is committed. */
  unpublished({ raw }: Opened<In>, message: Publishable, error: unknown): void {
    const { metrics, logger } = this.parts;
    metrics.fault("STAGE_MESSAGE_UNPUBLISHED");
    const target = isDeadLetter(message) ? message.topic : message.topic.name;
    const fields = { ...this.fieldsOf(raw), code: "STAGE_MESSAGE_UNPUBLISHED", target, err: error };
    logger.error(fields, "a message cannot be published even in a shorter form and is given up");
  }

  /** Reports a defect in the stage's hook. The effect is published, so the message is finished without it. */
  unsettled(delivery: Delivery<In>, error: unknown): void {
    const { metrics, logger } = this.parts;
    metrics.fault("STAGE_DEFECT");
    const fields = { ...this.fieldsOf(delivery), code: "STAGE_DEFECT", err: error };
    logger.error(fields, "settled threw: a defect in the stage");
  }

  fieldsOf({ topic, partition, offset }: Place): object {
    return { stage: this.parts.stage, topic, partition, offset: String(offset) };
  }

  private async deadLettersOf(
    opened: Opened<In>,
    effect: { readonly code: string; readonly reason: string },
  ): Promise<readonly Publishable[]> {
    const { stage, clock } = this.parts;
    const letter = deadLetterOf(opened.raw, effect.code, stage, clock.now());
    if (opened.kind === "poison") return [letter];
    return [...tracedAs(opened.delivery, await this.outcomeOf(opened, effect.code)), letter];
  }

  private async outcomeOf(
    opened: { readonly raw: RawMessage; readonly delivery: Delivery<In> },
    code: string,
  ): Promise<readonly Outgoing[]> {
    const { deadLetterOutcome, topic, logger, metrics } = this.parts;
    try {
      return await deadLetterOutcome.failed(topic.name, opened.delivery.record, code);
    } catch (error) {
      if (error instanceof TransientFault) throw error;
      // A defect in that port must not stop the partition. The message is dead-lettered without an outcome,
      // and the error is logged.
      metrics.fault("STAGE_OUTCOME_REFUSED");
      const fields = { ...this.fieldsOf(opened.raw), code: "STAGE_OUTCOME_REFUSED", err: error };
      logger.error(fields, "a message is dead-lettered without an outcome");
      return [];
    }
  }
}

function poisoned(raw: RawMessage, code: string, reason: string): Opened<never> {
  return { kind: "poison", raw, poison: { code, reason } };
}

function tracedAs(
  { headers }: Delivery<unknown>,
  messages: readonly Outgoing[],
): readonly Outgoing[] {
  const trace = traceIn(headers);
  return messages.map((message) => tracedMessage(message, trace));
}
