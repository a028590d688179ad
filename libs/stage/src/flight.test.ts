import { describe, expect, it } from "vitest";
import { flightLength, type WireMessage } from "./flight.ts";

const limits = {
  messagesPerPartition: 3,
  bytesPerPartition: 100,
  messagesPerFlight: 6,
  bytesPerFlight: 1_000,
};
const placeOf = ({ topic, partitionHint }: WireMessage) => `${topic}/${partitionHint}`;

function message(partitionHint: number, bytes: number, topic = "t"): WireMessage {
  return { topic, key: null, value: null, headers: {}, partitionHint, bytes };
}

describe("a flight", () => {
  it("takes at most so many messages of one partition", () => {
    const queue = Array.from({ length: 5 }, () => message(0, 1));
    expect(flightLength(queue, limits, placeOf)).toBe(3);
  });

  it("fills several partitions at once", () => {
    const queue = [message(0, 90), message(1, 90), message(0, 5), message(1, 5)];
    expect(flightLength(queue, limits, placeOf)).toBe(4);
  });

  it("ends at the first message that does not fit, so that nothing overtakes", () => {
    const queue = [message(0, 90), message(0, 90), message(1, 1)];
    expect(flightLength(queue, limits, placeOf)).toBe(1);
  });

  it("carries a message beyond the limit alone on its partition", () => {
    expect(flightLength([message(0, 5_000), message(0, 1)], limits, placeOf)).toBe(1);
    expect(flightLength([message(0, 1), message(0, 5_000)], limits, placeOf)).toBe(1);
  });

  it("is bounded as a whole", () => {
    const queue = Array.from({ length: 20 }, (_, index) => message(index, 1));
    expect(flightLength(queue, limits, placeOf)).toBe(6);
  });

  it("is empty when nothing waits", () => {
    expect(flightLength([], limits, placeOf)).toBe(0);
  });
});
