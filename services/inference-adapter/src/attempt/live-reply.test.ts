import { TransientFault } from "@sluice/domain";
import { type Append, decodeTokens } from "@sluice/request-state";
import { expect, test } from "vitest";
import { aCandidate } from "./dispatched.fixture.ts";
import { LiveReply, type LiveReplyParts } from "./live-reply.ts";
import type { Chunk } from "../providers/provider.ts";

const appended: Append = { kind: "appended", cancelled: false };

function chunk(content: string): Chunk {
  const choices = [{ index: 0, delta: { content } }];
  return { systemFingerprint: "fp", choices, hasSubstance: content !== "" };
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

test("what comes while an append is in flight goes together with the next, in order", async () => {
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

test("who speaks is not told before there is something to say", async () => {
  const { reply, entries, text } = replyWith();
  reply.add(chunk(""));
  await reply.drain();
  expect(entries).toEqual([]);
  reply.add(chunk("a"));
  await reply.drain();
  expect(text()).toBe("a");
  expect(decodeTokens(entries[0]?.payload ?? "").chunks).toHaveLength(2);
});

test("an outage is sat out, and the same sequence is written again", async () => {
  const sequences: number[] = [];
  const { reply } = replyWith({
    append: async (sequence) => {
      sequences.push(sequence);
      if (sequences.length === 1) throw new TransientFault("REDIS_UNAVAILABLE", "gone");
      return appended;
    },
  });
  reply.add(chunk("a"));
  await reply.drain();
  expect(sequences).toEqual([0, 0]);
});

test("a fenced owner writes no more", async () => {
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

test("a client that has gone is told of with the append", async () => {
  let gone = 0;
  const { reply } = replyWith({
    append: async () => ({ kind: "appended", cancelled: true }),
    onCancelled: () => (gone += 1),
  });
  reply.add(chunk("a"));
  await reply.drain();
  expect(gone).toBe(1);
});

test("when the process ends, what could not be written is a fault, not silence", async () => {
  const ending = new AbortController();
  const { reply } = replyWith({
    append: async () => {
      throw new TransientFault("REDIS_UNAVAILABLE", "gone");
    },
    signal: ending.signal,
  });
  reply.add(chunk("a"));
  setTimeout(() => ending.abort(), 10);
  await expect(reply.drain()).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
});
