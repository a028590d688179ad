import type { RawMessage } from "../core/raw-message.ts";

export interface SliceLimits {
  readonly messages: number;
  /** Bytes of values before decoding. A larger message is a slice of its own. */
  readonly bytes: number;
}

/** Divides a batch into slices, in order. */
export function* slicesOf(
  messages: readonly RawMessage[],
  limits: SliceLimits,
): Generator<readonly RawMessage[]> {
  let slice: RawMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = message.value?.length ?? 0;
    const full = slice.length >= limits.messages || bytes + size > limits.bytes;
    if (full && slice.length > 0) {
      yield slice;
      slice = [];
      bytes = 0;
    }
    slice.push(message);
    bytes += size;
  }
  if (slice.length > 0) yield slice;
}
