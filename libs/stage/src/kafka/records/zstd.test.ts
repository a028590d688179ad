import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { zstdCodec } from "./zstd.ts";

describe("zstd codec", () => {
  it.each([0, 10, 40_000, 2_000_000])("gives %i bytes back unchanged", async (length) => {
    const bytes = randomBytes(length);
    const packed = await zstdCodec.compress({ buffer: bytes });
    expect((await zstdCodec.decompress(packed)).equals(bytes)).toBe(true);
  });

  it("decompresses a small batch that fills many buffers", async () => {
    const bytes = Buffer.alloc(1_000_000, "sluice ");
    const packed = await zstdCodec.compress({ buffer: bytes });
    expect(packed.length).toBeLessThan(32 * 1_024);
    expect((await zstdCodec.decompress(packed)).equals(bytes)).toBe(true);
  });

  it("compresses repetitive text", async () => {
    const packed = await zstdCodec.compress({ buffer: Buffer.alloc(100_000, "sluice ") });
    expect(packed.length).toBeLessThan(1_000);
  });
});
