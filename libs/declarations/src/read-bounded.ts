import { closeSync, openSync, readSync } from "node:fs";

/**
 * Returns the text of a file, or undefined if it is longer than `bytesMax`. Reads at most one byte more, because
 * the size of a device or of a pipe is not known before.
 *
 * @throws the error of the file system
 */
export function readBounded(path: string, bytesMax: number): string | undefined {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(bytesMax + 1);
    let length = 0;
    while (length < bytes.length) {
      const count = readSync(file, bytes, length, bytes.length - length, null);
      if (count === 0) return bytes.toString("utf8", 0, length);
      length += count;
    }
    return undefined;
  } finally {
    closeSync(file);
  }
}
