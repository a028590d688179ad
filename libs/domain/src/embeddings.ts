/** The most inputs of one request for embeddings, which is OpenAI's own limit. */
export const embeddingInputsMax = 2_048;

/**
 * The most bytes of all embeddings of one answer. A Kafka message may have 2 MiB, of which the other
 * fields of an outcome use a part. A text can be cut to fit, but an embedding cannot.
 */
export const embeddingBytesMax = 1_536 * 1_024;

const bytesPerDimension = Float32Array.BYTES_PER_ELEMENT;

/** Returns how many embeddings with this number of dimensions fit into one answer. */
export function embeddingsThatFit(dimensions: number): number {
  return Math.floor(embeddingBytesMax / (dimensions * bytesPerDimension));
}

export function dimensionsOf(embedding: Uint8Array): number {
  return embedding.byteLength / bytesPerDimension;
}

/** Returns the numbers as 32-bit floats (IEEE 754, little-endian). Rounds each number to the nearest such float. */
export function embeddingOf(numbers: readonly number[]): Buffer {
  const embedding = Buffer.allocUnsafe(numbers.length * bytesPerDimension);
  numbers.forEach((number, index) => embedding.writeFloatLE(number, index * bytesPerDimension));
  return embedding;
}

/** Returns each 32-bit float as a number of the same value, so that {@link embeddingOf} returns the same bits again. */
export function numbersOf(embedding: Uint8Array): readonly number[] {
  const view = new DataView(embedding.buffer, embedding.byteOffset, embedding.byteLength);
  return Array.from({ length: dimensionsOf(embedding) }, (_, index) =>
    view.getFloat32(index * bytesPerDimension, true),
  );
}

export function base64Of(embedding: Uint8Array): string {
  return bufferOf(embedding).toString("base64");
}

/** Returns a view of the same bytes, without a copy. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
