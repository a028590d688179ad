/** A message to send, as bytes. The topic's name includes the prefix. */
export interface WireMessage {
  readonly topic: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>;
  /** The partition of a message without key. */
  readonly partitionHint: number;
  readonly bytes: number;
}

export interface SendLimits {
  readonly messagesPerPartition: number;
  readonly bytesPerPartition: number;
  readonly messagesPerSend: number;
  readonly bytesPerSend: number;
}

export const defaultSendLimits: SendLimits = {
  messagesPerPartition: 500,
  bytesPerPartition: 512 * 1_024,
  messagesPerSend: 5_000,
  bytesPerSend: 8 * 1_024 * 1_024,
};

interface Load {
  messages: number;
  bytes: number;
}

/**
 * Returns how many messages, from the front of the queue, go into one send batch. The order never
 * changes: the first message that does not fit ends the batch. A message that is larger than the
 * limit of its partition is sent alone on that partition.
 *
 * @param placeOf names the partition of a message, or only its topic while the number of partitions is unknown
 */
export function sendBatchLength(
  queue: Iterable<WireMessage>,
  limits: SendLimits,
  placeOf: (message: WireMessage) => string,
): number {
  const loads = new Map<string, Load>();
  const total: Load = { messages: 0, bytes: 0 };
  for (const message of queue) {
    const place = placeOf(message);
    const load = loads.get(place) ?? { messages: 0, bytes: 0 };
    const fitsPartition =
      load.messages === 0 ||
      (load.messages < limits.messagesPerPartition &&
        load.bytes + message.bytes <= limits.bytesPerPartition);
    const fitsSend =
      total.messages === 0 ||
      (total.messages < limits.messagesPerSend &&
        total.bytes + message.bytes <= limits.bytesPerSend);
    if (!fitsPartition || !fitsSend) break;
    for (const each of [load, total]) {
      each.messages += 1;
      each.bytes += message.bytes;
    }
    loads.set(place, load);
  }
  return total.messages;
}

/** The pause between the beginnings of two send batches, in milliseconds. */
export interface Pace {
  readonly leastMs: number;
  /** The pause at high load, when fewer and larger batches cost less. */
  readonly mostMs: number;
}

/**
 * Measured at 400 requests/s on two cores: pauses of 60 ms instead of 20 save a seventh of the CPU
 * and a quarter of the P95.
 */
const msPerMessage = 4;

/** Returns the pause from the beginning of a batch to that of the next one, in milliseconds. */
export function pauseAfter(messages: number, { leastMs, mostMs }: Pace): number {
  return Math.min(Math.max(messages * msPerMessage, leastMs), mostMs);
}

/** Returns the size of a message in bytes, before compression. */
export function sizeOf(message: Omit<WireMessage, "bytes">): number {
  let bytes = 64 + (message.key?.length ?? 0) + (message.value?.length ?? 0);
  for (const [name, value] of Object.entries(message.headers)) {
    for (const each of Array.isArray(value) ? value : [value])
      bytes += name.length + (each === undefined ? 0 : Buffer.byteLength(each));
  }
  return bytes;
}
