import { describe, expect, it } from "vitest";
import { batchLength, pauseAfter, type WireMessage } from "./send-batch.ts";

const limits = {
  messagesPerPartition: 3,
  bytesPerPartition: 100,
  messagesPerSend: 6,
  bytesPerSend: 1_000,
};

function message(bytes: number): WireMessage {
  return { topic: "t", key: null, value: null, headers: {}, partitionHint: 0, bytes };
}

describe("the pause after a send batch", () => {
  const pace = { leastMs: 20, mostMs: 60 };

  it("is the shortest one while few messages arrive", () => {
    expect([0, 1, 5].map((messages) => pauseAfter(messages, pace))).toEqual([20, 20, 20]);
  });

  it("grows with the number of messages, up to the longest one", () => {
    expect([10, 15, 5_000].map((messages) => pauseAfter(messages, pace))).toEqual([40, 60, 60]);
  });
});

describe("a batch of one partition", () => {
  const whole = { messages: limits.messagesPerSend, bytes: limits.bytesPerSend };
  const waiting = (...bytes: number[]) => bytes.map((each) => ({ message: message(each) }));

  it("takes no more messages than the limit of a partition", () => {
    expect(batchLength(waiting(1, 1, 1, 1, 1), limits, whole)).toBe(3);
  });

  it("takes no more bytes than the limit of a partition", () => {
    expect(batchLength(waiting(60, 40, 1), limits, whole)).toBe(2);
  });

  it("takes a message beyond the limit alone", () => {
    expect(batchLength(waiting(5_000, 1), limits, whole)).toBe(1);
    expect(batchLength(waiting(1, 5_000), limits, whole)).toBe(1);
    expect(batchLength(waiting(500, 1), limits, { messages: 5, bytes: 900 })).toBe(1);
  });

  it("takes no more than the other partitions have left of the send", () => {
    expect(batchLength(waiting(1, 1, 1), limits, { messages: 2, bytes: 900 })).toBe(2);
    expect(batchLength(waiting(20, 20, 20), limits, { messages: 5, bytes: 50 })).toBe(2);
    expect(batchLength(waiting(60), limits, { messages: 5, bytes: 50 })).toBe(0);
  });

  it("is empty when nothing waits", () => {
    expect(batchLength([], limits, whole)).toBe(0);
  });
});
