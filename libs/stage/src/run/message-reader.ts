import type { Topic, TopicCodecs } from "@sluice/contracts";
import { Clock, TransientFault } from "@sluice/domain";
import { deadLetterOf } from "../core/dead-letters.ts";
import type { Delivery, Effect, Outgoing, Publishable } from "../core/effects.ts";
import { codeOf, isOutage, messageOf } from "../core/faults.ts";
import type { StageLogger } from "../core/logger.ts";
import type { StageMetrics } from "../core/metrics.ts";
import { deliveryFrom, type RawMessage } from "../core/raw-message.ts";
import type { DeadLetterOutcome } from "../core/stage.ts";
import { tracedMessage, traceIn } from "../core/trace.ts";

/**
 * What to do with an id that the registry could not be asked about: wait for
 * the registry, or, on a topic that anybody writes, let it leave, so that
 * garbage cannot pause others.
 */
export type UnknownSchemas = "wait" | "dead-letter";

export interface MessageReaderParts<In> {
  readonly stage: string;
  readonly topic: Topic<In>;
  readonly codecs: TopicCodecs;
  readonly deadLetterOutcome: DeadLetterOutcome;
  readonly unknownSchemas: UnknownSchemas;
  /** Longer ones are not decoded: records take many times the memory of their bytes. */
  readonly valueBytesMax: number;
  readonly clock: Clock;
  readonly logger: StageLogger;
  readonly metrics: StageMetrics;
}

export interface Poison {
  readonly code: string;
  readonly reason: string;
}

export type Opened<In> =
  | { readonly kind: "delivery"; readonly raw: RawMessage; readonly delivery: Delivery<In> }
  | { readonly kind: "poison"; readonly raw: RawMessage; readonly poison: Poison };

/** Opens what came and turns effects into what is published; shared by both kinds of stage. */
export class MessageReader<In> {
  constructor(private readonly parts: MessageReaderParts<In>) {}

  /** @throws TransientFault when the registry must be waited for */
  async open(raw: RawMessage): Promise<Opened<In>> {
    const { codecs, topic, unknownSchemas, valueBytesMax } = this.parts;
    if (raw.unreadable) return poisoned(raw, raw.unreadable.code, raw.unreadable.reason);
    if (raw.value === null) return poisoned(raw, "STAGE_UNDECODABLE", "no value");
    if (raw.value.length > valueBytesMax)
      return poisoned(raw, "STAGE_MESSAGE_TOO_LONG", `more than ${valueBytesMax} bytes`);
    try {
      const record = await codecs.decode(topic, raw.value);
      return { kind: "delivery", raw, delivery: deliveryFrom(raw, raw.value, record) };
    } catch (error) {
      if (isOutage(error) && unknownSchemas === "wait") throw error;
      return poisoned(raw, codeOf(error, "STAGE_UNDECODABLE"), messageOf(error));
    }
  }

  /**
   * What an effect puts on topics. Trace headers of the message go on with what it caused.
   *
   * @throws TransientFault when the outcome of a dead letter cannot be claimed now
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
      "message is dead-lettered",
    );
  }

  fieldsOf({ topic, partition, offset }: RawMessage): object {
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
      // A defect there must not keep the poison here: it leaves without an outcome, and a human is told.
      metrics.fault("STAGE_OUTCOME_REFUSED");
      const fields = { ...this.fieldsOf(opened.raw), code: "STAGE_OUTCOME_REFUSED", err: error };
      logger.error(fields, "a dead letter leaves without an outcome");
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
