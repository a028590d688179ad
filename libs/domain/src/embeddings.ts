/** Inputs of one request for embeddings; OpenAI's own limit. */
export const embeddingInputsMax = 2_048;

/**
 * Bytes of all embeddings of one answer. A message may have 2 MiB, and the rest of an outcome needs
 * its room; a text may be cut to fit, an embedding may not.
 */
export const embeddingBytesMax = 1_536 * 1_024;

const bytesPerDimension = Float32Array.BYTES_PER_ELEMENT;

/** How many embeddings of so many dimensions an answer holds. */
export function embeddingsThatFit(dimensions: number): number {
  return Math.floor(embeddingBytesMax / (dimensions * bytesPerDimension));
}

export function dimensionsOf(embedding: Uint8Array): number {
  return embedding.byteLength / bytesPerDimension;
}

/** Numbers as 32-bit floats (IEEE 754, little-endian). A number that is no such float is rounded to the nearest. */
export function embeddingOf(numbers: readonly number[]): Buffer {
  const embedding = Buffer.allocUnsafe(numbers.length * bytesPerDimension);
  numbers.forEach((number, index) => embedding.writeFloatLE(number, index * bytesPerDimension));
  return embedding;
}

/** Each 32-bit float as the number of the same value, so that {@link embeddingOf} gives the same bits again. */
export function numbersOf(embedding: Uint8Array): readonly number[] {
  const view = new DataView(embedding.buffer, embedding.byteOffset, embedding.byteLength);
  return Array.from({ length: dimensionsOf(embedding) }, (_, index) =>
    view.getFloat32(index * bytesPerDimension, true),
  );
}

export function base64Of(embedding: Uint8Array): string {
  return bufferOf(embedding).toString("base64");
}

/** The same bytes, not copied. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
