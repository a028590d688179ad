import { topics } from "@sluice/contracts";
import type { RawMessage } from "@sluice/stage";
import { expect, test } from "vitest";
import { replaceControlCharacters } from "../output.ts";
import { headersOf, deadLetterOf, newestFirst, parsePosition, topicNamed } from "./dead-letter.ts";
import { requestIdIn } from "./request-ids.ts";
import { slicesOf } from "./replay-slices.ts";
import { summaryOf } from "./replay.ts";

function messageWith(headers: RawMessage["headers"], given: Partial<RawMessage> = {}): RawMessage {
  return {
    topic: "inference.requested.dead-letter",
    partition: 2,
    offset: 12n,
    key: Buffer.from("key"),
    value: Buffer.alloc(100),
    headers,
    appendedAt: 1_700_000_000_000,
    ...given,
  };
}

const deadLetter = deadLetterOf(
  topics.inferenceRequested,
  messageWith({
    "dead-letter-code": Buffer.from("INTAKE_UNSIGNED"),
    "dead-letter-stage": Buffer.from("intake"),
    "dead-letter-partition": Buffer.from("1"),
    "dead-letter-offset": Buffer.from("77"),
    "dead-letter-at": Buffer.from("1700000001000"),
  }),
);

test("a dead letter is identified by its original topic and its place on the dead-letter topic", () => {
  expect(deadLetter).toEqual({
    position: "inference.requested/2/12",
    topic: "inference.requested",
    partition: 2,
    offset: 12n,
    code: "INTAKE_UNSIGNED",
    stage: "intake",
    deadLetteredAt: 1_700_000_001_000,
    source: { partition: "1", offset: "77" },
    keyBytes: 3,
    valueBytes: 100,
  });
  expect(parsePosition(deadLetter.position)).toEqual({
    topic: topics.inferenceRequested,
    partition: 2,
    offset: 12n,
  });
});

test("a message without dead-letter headers, or with an absurd time, is listed too", () => {
  const foreign = deadLetterOf(topics.costMetered, messageWith({}, { key: null, value: null }));
  expect(foreign).toMatchObject({ code: null, stage: null, keyBytes: null, valueBytes: null });
  expect(foreign.deadLetteredAt).toBe(1_700_000_000_000);
  const absurd = messageWith({ "dead-letter-at": "99999999999999999999" });
  expect(deadLetterOf(topics.costMetered, absurd).deadLetteredAt).toBe(1_700_000_000_000);
});

test("a header that is not text is shown in hexadecimal, and a repeated header repeatedly", () => {
  const bytes = Buffer.from([0xff, 0x00]);
  expect(
    headersOf(messageWith({ raw: bytes, twice: ["a", Buffer.from("b")], none: undefined })),
  ).toEqual([
    ["raw", "hex:ff00"],
    ["twice", "a"],
    ["twice", "b"],
  ]);
});

test.each([
  "inference.requested",
  "inference.requested/0",
  "a/b/c",
  "inference.requested/0/-1",
  "",
])("%j is not a position, and the message shows an example of one", (text) => {
  expect(() => parsePosition(text)).toThrow("such as inference.requested/0/12");
});

test("a topic is found by its own name and by the name of its dead-letter topic", () => {
  expect(topicNamed("cost.metered")).toBe(topics.costMetered);
  expect(topicNamed("cost.metered.dead-letter")).toBe(topics.costMetered);
  expect(() => topicNamed("cost.charged")).toThrow('no topic "cost.charged" with dead letters');
});

test("dead letters are sorted by time and then by offset, newest first", () => {
  const at = (deadLetteredAt: number, offset: bigint) => ({
    ...deadLetter,
    deadLetteredAt,
    offset,
  });
  const sorted = newestFirst([at(1, 9n), at(3, 1n), at(3, 2n)]);
  expect(sorted.map(({ offset }) => offset)).toEqual([2n, 1n, 9n]);
});

test("a request id is found in the record itself, or in the request that the record contains", () => {
  expect(requestIdIn({ requestId: "a" })).toBe("a");
  expect(requestIdIn({ request: { requestId: "b" } })).toBe("b");
  expect(requestIdIn(undefined)).toBeUndefined();
  expect(requestIdIn({ requestId: 3 })).toBeUndefined();
});

test("a replay keeps the order of each partition, and no slice exceeds its limits", () => {
  const at = (topic: string, offset: bigint, valueBytes: number) => ({
    ...deadLetter,
    topic,
    offset,
    keyBytes: null,
    valueBytes,
  });
  const deadLetters = [at("b", 1n, 10), at("a", 3n, 60), at("a", 1n, 60), at("a", 2n, 30)];
  const slices = slicesOf(deadLetters, { countMax: 2, bytesMax: 100 });
  expect(
    slices.map(({ topic, deadLetters: of }) => [topic, of.map(({ offset }) => offset)]),
  ).toEqual([
    ["a", [1n, 2n]],
    ["a", [3n]],
    ["b", [1n]],
  ]);
  const single = slicesOf([at("a", 1n, 1_000), at("a", 2n, 1)], { countMax: 9, bytesMax: 100 });
  expect(single.map(({ deadLetters: of }) => of.length)).toEqual([1, 1]);
});

test("the summary of a replay names up to ten dead letters, and counts more than ten", () => {
  expect(summaryOf([])).toBe("No dead letters match.\n");
  expect(summaryOf([deadLetter])).toBe("  inference.requested/2/12  INTAKE_UNSIGNED\n");
  expect(summaryOf(Array.from({ length: 11 }, () => deadLetter))).toBe(
    "  inference.requested  INTAKE_UNSIGNED  11\n",
  );
});

test("control characters become marks, while text, tabs and line feeds stay", () => {
  expect(replaceControlCharacters("a\u001b[31m\u0007\r\u009bb\n\tc ü")).toBe(
    "a\ufffd[31m\ufffd\ufffd\ufffdb\n\tc ü",
  );
});
