import type {
  PartitionBatch,
  ProducerIdentity,
  ProducerLink,
  TopicLayout,
} from "./producer-link.ts";
import type { WireMessage } from "./send-batch.ts";

/**
 * How the scripted broker treats a partition: it answers with an error, stays silent, or stores the
 * batch and then does either.
 */
export type Trouble = Error | "silent" | "stored-silently" | { readonly afterStoring: Error };

/** A cluster in memory. It recognises repeated batches by their numbers, as Kafka does. */
export class ScriptedBroker {
  readonly layouts = new Map<string, TopicLayout>();
  /** The values on each partition, in order. */
  readonly logs = new Map<string, string[]>();
  /** Each request, as the partitions in it with their numbers of messages. */
  readonly requests: Record<string, number>[] = [];
  readonly troubles = new Map<string, Trouble>();
  /** Returns true for a message that the broker never accepts. */
  refuses: (message: WireMessage) => boolean = () => false;
  isUnreachable = false;
  opened = 0;
  identities = 0;
  private readonly stored = new Map<string, number>();

  readonly open = (): ProducerLink => {
    this.opened += 1;
    return {
      connect: async () => this.throwIfUnreachable(),
      layoutsOf: async (topics) => {
        this.throwIfUnreachable();
        return new Map(topics.map((topic) => [topic, this.layouts.get(topic) ?? unknownTopic()]));
      },
      newIdentity: async () => this.newIdentity(),
      send: async (_node, batches) => this.receive(batches),
      close: async () => undefined,
    };
  };

  private newIdentity(): ProducerIdentity {
    this.throwIfUnreachable();
    this.identities += 1;
    return { id: String(this.identities), epoch: 0, sequences: new Map() };
  }

  private throwIfUnreachable(): void {
    if (this.isUnreachable) throw new Error("connect ECONNREFUSED");
  }

  private async receive(batches: readonly PartitionBatch[]): Promise<readonly (Error | null)[]> {
    this.throwIfUnreachable();
    this.requests.push(
      Object.fromEntries(batches.map((each) => [nameOf(each), each.messages.length])),
    );
    const results = batches.map((batch) => this.store(batch));
    const isSilent = batches.some((batch) => typeof this.troubles.get(nameOf(batch)) === "string");
    return isSilent ? new Promise(() => undefined) : results;
  }

  private store(batch: PartitionBatch): Error | null {
    const trouble = this.troubles.get(nameOf(batch));
    if (trouble instanceof Error) return trouble;
    if (trouble === "silent") return null;
    const late = typeof trouble === "object" ? trouble.afterStoring : null;
    if (batch.messages.some(this.refuses)) return brokerError("MESSAGE_TOO_LARGE");
    const numbering = `${batch.identity.id} ${nameOf(batch)}`;
    const next = this.stored.get(numbering) ?? 0;
    if (batch.firstSequence < next) return null;
    if (batch.firstSequence > next) return brokerError("OUT_OF_ORDER_SEQUENCE_NUMBER");
    this.stored.set(numbering, next + batch.messages.length);
    const log = this.logs.get(nameOf(batch)) ?? [];
    log.push(...batch.messages.map(({ value }) => String(value)));
    this.logs.set(nameOf(batch), log);
    return late;
  }
}

/** Returns an error as the client makes it of a code in a response. */
export function brokerError(type: string): Error {
  return Object.assign(new Error(type), { name: "KafkaJSProtocolError", type });
}

function unknownTopic(): TopicLayout {
  return { error: brokerError("UNKNOWN_TOPIC_OR_PARTITION"), leaders: [] };
}

function nameOf({ topic, partition }: PartitionBatch): string {
  return `${topic}/${partition}`;
}
