/** Inputs of one request for vectors; OpenAI's own limit. */
export const vectorInputsMax = 2_048;

/**
 * Bytes of all vectors of one answer. A message may have 2 MiB, and the rest of an outcome needs
 * its room; a text may be cut to fit, a vector may not.
 */
export const vectorBytesMax = 1_536 * 1_024;

const bytesPerDimension = Float32Array.BYTES_PER_ELEMENT;

/** How many vectors of so many dimensions an answer holds. */
export function vectorsThatFit(dimensions: number): number {
  return Math.floor(vectorBytesMax / (dimensions * bytesPerDimension));
}

export function dimensionsOf(vector: Uint8Array): number {
  return vector.byteLength / bytesPerDimension;
}

/** Numbers as 32-bit floats (IEEE 754, little-endian). A number that is no such float is rounded to the nearest. */
export function vectorOf(numbers: readonly number[]): Buffer {
  const vector = Buffer.allocUnsafe(numbers.length * bytesPerDimension);
  numbers.forEach((number, index) => vector.writeFloatLE(number, index * bytesPerDimension));
  return vector;
}

/** Each 32-bit float as the number of the same value, so that {@link vectorOf} gives the same bits again. */
export function numbersOf(vector: Uint8Array): readonly number[] {
  const view = new DataView(vector.buffer, vector.byteOffset, vector.byteLength);
  return Array.from({ length: dimensionsOf(vector) }, (_, index) =>
    view.getFloat32(index * bytesPerDimension, true),
  );
}

export function base64Of(vector: Uint8Array): string {
  return bufferOf(vector).toString("base64");
}

/** The same bytes, not copied. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
