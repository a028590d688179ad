import { base64Of, embeddingOf } from "@sluice/domain";
import { expect, test } from "vitest";
import { decodeEntry, encodeEntry, entryVersion } from "./entry-json.ts";
import { completedFixture, now } from "./records.fixture.ts";

test("an entry is decoded unchanged, including amounts above 2^53", () => {
  const entry = {
    completed: completedFixture({ costNanoUsd: 2n ** 62n + 1n }),
    completedAt: now,
    expiresAt: now + 1,
    requestId: '{"$bigint":"1"}',
  };
  expect(decodeEntry(encodeEntry(entry))).toEqual(entry);
});

test("embeddings are encoded in base64 and decoded with the same bits", () => {
  const { answer, ...completed } = completedFixture();
  const embeddings = [embeddingOf([0.1, -0.2, 1e-30]), embeddingOf([3, 4, 5])];
  const embedded = { ...completed, answer: { ...answer, choices: [], embeddings } };
  const entry = { completed: embedded, completedAt: now, expiresAt: now + 1, requestId: "r1" };
  expect(encodeEntry(entry)).toContain(base64Of(embeddings[0]!));
  expect(decodeEntry(encodeEntry(entry))).toEqual(entry);
});

test("a text that is not an entry is not found, and does not fail the request", () => {
  expect(decodeEntry("")).toBeUndefined();
  expect(decodeEntry('{"$bigint":"x"}')).toBeUndefined();
});

test("an entry that was stored before a class of tokens was added is read, and has none of them", () => {
  const completed = completedFixture();
  const entry = { completed, completedAt: now, expiresAt: now + 1, requestId: "r1" };
  const old = JSON.parse(encodeEntry(entry), (name, value: unknown) =>
    name.startsWith("cacheWriteHour") ? undefined : value,
  );
  expect(JSON.stringify(old)).not.toContain("cacheWriteHour");
  expect(decodeEntry(JSON.stringify(old))?.completed).toMatchObject({
    usage: { ...completed.usage, cacheWriteHourTokens: null },
    rates: { ...completed.rates, cacheWriteHourNanoUsd: null },
  });
});

test("a change of the record's members requires a default for older entries, or a new version of the key", () => {
  const { answer, ...completed } = completedFixture();
  const members = [completed, answer, answer.choices[0]!, completed.usage, completed.rates];
  expect([entryVersion, ...members.map((each) => Object.keys(each).toSorted().join(" "))]).toEqual([
    3,
    "attemptId cache complexity costNanoUsd model provider rates tier usage variant",
    "choices createdAt cut embeddings providerModel systemFingerprint",
    "content finishReason index logprobs members refusal toolCalls",
    "cacheWriteHourTokens cacheWriteTokens cachedInputTokens inputTokens otherTokens outputTokens reasoningTokens",
    "cacheWriteHourNanoUsd cacheWriteNanoUsd cachedInputNanoUsd inputNanoUsd otherNanoUsd outputNanoUsd reasoningNanoUsd",
  ]);
});
