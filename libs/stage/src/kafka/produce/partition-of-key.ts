import kafkajs from "kafkajs";
import type { WireMessage } from "./send-batch.ts";

const murmur2 = kafkajs.Partitioners.DefaultPartitioner();

/** Returns the partition of a message among `count`, by Java's murmur2 as all Kafka clients do. */
export function partitionAmong(count: number, { topic, key, partitionHint }: WireMessage): number {
  if (key === null) return partitionHint % count;
  return murmur2({
    topic,
    partitionMetadata: metadataOf(count),
    message: { key, value: null, headers: {} },
  });
}

const metadataByCount = new Map<number, ReturnType<typeof makeMetadata>>();

/** Remembers the list, which the client's function needs only for its length, because it is asked for each message. */
function metadataOf(count: number): ReturnType<typeof makeMetadata> {
  const known = metadataByCount.get(count) ?? makeMetadata(count);
  metadataByCount.set(count, known);
  return known;
}

function makeMetadata(count: number) {
  return Array.from({ length: count }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 0,
    replicas: [],
    isr: [],
  }));
}
