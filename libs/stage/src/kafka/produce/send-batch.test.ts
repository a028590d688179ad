import { describe, expect, it } from "vitest";
import { sendBatchLength, pauseAfter, type WireMessage } from "./send-batch.ts";

const limits = {
  messagesPerPartition: 3,
  bytesPerPartition: 100,
  messagesPerSend: 6,
  bytesPerSend: 1_000,
};
const placeOf = ({ topic, partitionHint }: WireMessage) => `${topic}/${partitionHint}`;

function message(partitionHint: number, bytes: number, topic = "t"): WireMessage {
  return { topic, key: null, value: null, headers: {}, partitionHint, bytes };
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

describe("a send batch", () => {
  it("takes no more messages of one partition than its limit", () => {
    const queue = Array.from({ length: 5 }, () => message(0, 1));
    expect(sendBatchLength(queue, limits, placeOf)).toBe(3);
  });

  it("fills several partitions at once", () => {
    const queue = [message(0, 90), message(1, 90), message(0, 5), message(1, 5)];
    expect(sendBatchLength(queue, limits, placeOf)).toBe(4);
  });

  it("ends at the first message that does not fit, so that nothing overtakes", () => {
    const queue = [message(0, 90), message(0, 90), message(1, 1)];
    expect(sendBatchLength(queue, limits, placeOf)).toBe(1);
  });

  it("takes a message beyond the limit alone on its partition", () => {
    expect(sendBatchLength([message(0, 5_000), message(0, 1)], limits, placeOf)).toBe(1);
    expect(sendBatchLength([message(0, 1), message(0, 5_000)], limits, placeOf)).toBe(1);
  });

  it("is bounded as a whole", () => {
    const queue = Array.from({ length: 20 }, (_, index) => message(index, 1));
    expect(sendBatchLength(queue, limits, placeOf)).toBe(6);
  });

  it("is empty when nothing waits", () => {
    expect(sendBatchLength([], limits, placeOf)).toBe(0);
  });
});
