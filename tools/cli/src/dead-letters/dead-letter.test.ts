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

test("a dead letter is known by its topic and where it stands among its dead letters", () => {
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

test("a message that somebody else put there is a dead letter too", () => {
  const foreign = deadLetterOf(topics.costMetered, messageWith({}, { key: null, value: null }));
  expect(foreign).toMatchObject({ code: null, stage: null, keyBytes: null, valueBytes: null });
  expect(foreign.deadLetteredAt).toBe(1_700_000_000_000);
  const absurd = messageWith({ "dead-letter-at": "99999999999999999999" });
  expect(deadLetterOf(topics.costMetered, absurd).deadLetteredAt).toBe(1_700_000_000_000);
});

test("a header that is no text is shown as what it is, one that was given twice twice", () => {
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
])("%j is no position, and the user is shown one", (text) => {
  expect(() => parsePosition(text)).toThrow("such as inference.requested/0/12");
});

test("a topic is known by its own name or by that of its dead letters", () => {
  expect(topicNamed("cost.metered")).toBe(topics.costMetered);
  expect(topicNamed("cost.metered.dead-letter")).toBe(topics.costMetered);
  expect(() => topicNamed("cost.charged")).toThrow('no topic "cost.charged" with dead letters');
});

test("the newest come first", () => {
  const at = (deadLetteredAt: number, offset: bigint) => ({
    ...deadLetter,
    deadLetteredAt,
    offset,
  });
  const sorted = newestFirst([at(1, 9n), at(3, 1n), at(3, 2n)]);
  expect(sorted.map(({ offset }) => offset)).toEqual([2n, 1n, 9n]);
});

test("a request id is found in the record, or in the request that it carries", () => {
  expect(requestIdIn({ requestId: "a" })).toBe("a");
  expect(requestIdIn({ request: { requestId: "b" } })).toBe("b");
  expect(requestIdIn(undefined)).toBeUndefined();
  expect(requestIdIn({ requestId: 3 })).toBeUndefined();
});

test("a replay keeps the order of each partition, and holds no more than memory is to hold", () => {
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

test("before a replay a few dead letters are named, and of many their number", () => {
  expect(summaryOf([])).toBe("None match.\n");
  expect(summaryOf([deadLetter])).toBe("  inference.requested/2/12  INTAKE_UNSIGNED\n");
  expect(summaryOf(Array.from({ length: 11 }, () => deadLetter))).toBe(
    "  inference.requested  INTAKE_UNSIGNED  11\n",
  );
});

test("what would move a terminal's cursor is shown as a mark, text and its lines are left", () => {
  expect(replaceControlCharacters("a\u001b[31m\u0007\r\u009bb\n\tc ü")).toBe(
    "a\ufffd[31m\ufffd\ufffd\ufffdb\n\tc ü",
  );
});
