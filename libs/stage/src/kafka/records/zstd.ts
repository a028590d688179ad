import { promisify } from "node:util";
import { zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from "node:zlib";

const compressInPool = promisify(zstdCompress);
const decompressInPool = promisify(zstdDecompress);

/** Below this size, moving to the thread pool costs more than the work itself. */
const inlineBytesMax = 32 * 1_024;
/**
 * By default Node allocates buffers of 128 KiB for each call. For messages of a kilobyte that would
 * cause a full garbage collection every few hundred messages.
 */
const inlineChunkBytes = 8 * 1_024;
/** The most bytes of a decompressed batch. */
export const unpackedBytesMax = 32 * 1_024 * 1_024;

/** Provides zstd to the Kafka client with Node's own zlib, because the published codecs fail to install. */
export const zstdCodec = {
  async compress({ buffer }: { readonly buffer: Buffer }): Promise<Buffer> {
    return buffer.length <= inlineBytesMax
      ? zstdCompressSync(buffer, { chunkSize: inlineChunkBytes })
      : compressInPool(buffer);
  },

  async decompress(buffer: Buffer): Promise<Buffer> {
    return unpackZstd(buffer, unpackedBytesMax);
  },
};

/** @throws an error with code `ERR_BUFFER_TOO_LARGE` above `bytesMax` */
export async function unpackZstd(packed: Buffer, bytesMax: number): Promise<Buffer> {
  const limit = { maxOutputLength: bytesMax };
  return packed.length <= inlineBytesMax
    ? zstdDecompressSync(packed, { ...limit, chunkSize: inlineChunkBytes })
    : decompressInPool(packed, limit);
}
