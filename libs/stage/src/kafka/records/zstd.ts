import { promisify } from "node:util";
import { zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from "node:zlib";

const compressInPool = promisify(zstdCompress);
const decompressInPool = promisify(zstdDecompress);

/** Below this a hop to the thread pool costs more than the work itself. */
const inlineBytesMax = 32 * 1_024;
/**
 * Node takes buffers of 128 KiB for each call otherwise: for messages of a kilobyte that is a
 * collection of the whole heap every few hundred of them.
 */
const inlineChunkBytes = 8 * 1_024;
/** Of the largest batches that topics take, 2 MiB, text makes a third of this. */
export const unpackedBytesMax = 32 * 1_024 * 1_024;

/** zstd for the Kafka client by Node's own zlib: the published codecs fail to install. */
export const zstdCodec = {
  async compress({ buffer }: { readonly buffer: Buffer }): Promise<Buffer> {
    return buffer.length <= inlineBytesMax
      ? zstdCompressSync(buffer, { chunkSize: inlineChunkBytes })
      : compressInPool(buffer);
  },

  /** @throws `ERR_BUFFER_TOO_LARGE` above `unpackedBytesMax` */
  async decompress(buffer: Buffer): Promise<Buffer> {
    const limit = { maxOutputLength: unpackedBytesMax };
    return buffer.length <= inlineBytesMax
      ? zstdDecompressSync(buffer, { ...limit, chunkSize: inlineChunkBytes })
      : decompressInPool(buffer, limit);
  },
};
