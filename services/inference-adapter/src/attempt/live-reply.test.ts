import { TransientFault } from "@sluice/domain";
import { type Append, decodeTokens } from "@sluice/request-state";
import { expect, test } from "vitest";
import { aCandidate } from "./dispatched.fixture.ts";
import { LiveReply, type LiveReplyParts } from "./live-reply.ts";
import type { AnswerPart } from "../providers/answer/answer-part.ts";

const appended: Append = { kind: "appended", cancelled: false };

function chunk(text: string): readonly AnswerPart[] {
  return [
    { kind: "origin", model: null, systemFingerprint: "fp", createdAt: null },
    { kind: "text", choice: 0, text },
  ];
}

function replyWith(changed: Partial<LiveReplyParts> = {}) {
  const entries: { readonly sequence: number; readonly payload: string }[] = [];
  const reply = new LiveReply({
    candidate: aCandidate(),
    cache: "miss",
    append: async (sequence, payload) => {
      entries.push({ sequence, payload });
      await new Promise((resolve) => setTimeout(resolve, 5));
      return appended;
    },
    onCancelled: () => undefined,
    signal: new AbortController().signal,
    ...changed,
  });
  const text = (): string =>
    entries
      .flatMap(({ payload }) => decodeTokens(payload).chunks.flat())
      .map((choice: { delta?: { content?: string } }) => choice.delta?.content)
      .join("");
  return { reply, entries, text };
}

test("chunks that arrive during an append are written together with the next one, in order", async () => {
  const { reply, entries, text } = replyWith();
  for (const word of ["a", "b", "c", "d"]) reply.add(chunk(word));
  await reply.drain();
  expect(entries.map(({ sequence }) => sequence)).toEqual([0, 1]);
  expect(text()).toBe("abcd");
  expect(decodeTokens(entries[0]?.payload ?? "")).toMatchObject({
    variant: "small",
    tier: "economy",
    cache: "miss",
    systemFingerprint: "fp",
  });
});

test("the role of the speaker is not written before there is text to write", async () => {
  const { reply, entries, text } = replyWith();
  reply.add(chunk(""));
  await reply.drain();
  expect(entries).toEqual([]);
  reply.add(chunk("a"));
  await reply.drain();
  expect(text()).toBe("a");
  expect(decodeTokens(entries[0]?.payload ?? "").chunks).toHaveLength(2);
});

test("a write is repeated with the same sequence number until an outage of Redis ends", async () => {
  const sequences: number[] = [];
  const { reply } = replyWith({
    append: async (sequence) => {
      sequences.push(sequence);
      if (sequences.length === 1)
        throw new TransientFault("REDIS_UNAVAILABLE", "Redis is unavailable.");
      return appended;
    },
  });
  reply.add(chunk("a"));
  await reply.drain();
  expect(sequences).toEqual([0, 0]);
});

test("an owner that was fenced writes nothing more", async () => {
  const sequences: number[] = [];
  const { reply } = replyWith({
    append: async (sequence) => {
      sequences.push(sequence);
      return { kind: "fenced" };
    },
  });
  reply.add(chunk("a"));
  await reply.drain();
  reply.add(chunk("b"));
  await reply.drain();
  expect(sequences).toEqual([0]);
});

test("an append reports that the client has left", async () => {
  let cancellations = 0;
  const { reply } = replyWith({
    append: async () => ({ kind: "appended", cancelled: true }),
    onCancelled: () => (cancellations += 1),
  });
  reply.add(chunk("a"));
  await reply.drain();
  expect(cancellations).toBe(1);
});

test("a chunk that cannot be written before the process stops is reported as a fault", async () => {
  const stopping = new AbortController();
  const { reply } = replyWith({
    append: async () => {
      throw new TransientFault("REDIS_UNAVAILABLE", "Redis is unavailable.");
    },
    signal: stopping.signal,
  });
  reply.add(chunk("a"));
  setTimeout(() => stopping.abort(), 10);
  await expect(reply.drain()).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
});
