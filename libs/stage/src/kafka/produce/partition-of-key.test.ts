import { describe, expect, it } from "vitest";
import { partitionAmong } from "./partition-of-key.ts";

/** murmur2 of Apache Kafka, from its own test (UtilsTest.testMurmur2). */
const javaHashes: [string, number][] = [
  ["21", -973_932_308],
  ["foobar", -790_332_482],
  ["a-little-bit-long-string", -985_981_536],
  ["a-little-bit-longer-string", -1_486_304_829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971],
  ["abc", 479_470_107],
];

const wire = { topic: "t", value: null, headers: {}, bytes: 0 };

describe("the partition of a message", () => {
  it.each(javaHashes)("with key %s is the one a Java client chooses", (key, hash) => {
    const message = { ...wire, key: Buffer.from(key), partitionHint: 0 };
    expect(partitionAmong(1_000, message)).toBe((hash & 0x7f_ff_ff_ff) % 1_000);
  });

  it("without key is that of its original, modulo the number of partitions", () => {
    expect(partitionAmong(4, { ...wire, key: null, partitionHint: 3 })).toBe(3);
    expect(partitionAmong(2, { ...wire, key: null, partitionHint: 3 })).toBe(1);
  });
});
