import type { InferenceResponded } from "@sluice/contracts";
import { anOutcome } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import { WaitingAnswers } from "./waiting-answers.ts";

const never = new AbortController().signal;

const responseTo = (requestId: string): InferenceResponded => anOutcome({ requestId });

test("each call receives the outcome of its own request, and two calls for one request receive the same outcome", async () => {
  const answers = new WaitingAnswers(10);
  const asked = ["a", "b", "a"].map((id) => answers.answerTo(id, 1_000, never));
  const [a, b] = [responseTo("a"), responseTo("b")];
  for (const response of [responseTo("c"), b, a, responseTo("a")]) answers.resolve(response);
  expect(await Promise.all(asked)).toEqual([a, b, a]);
});

test("a time-out returns no outcome, and an interruption throws its reason", async () => {
  const answers = new WaitingAnswers(10);
  const interrupted = new AbortController();
  const late = answers.answerTo("a", 5, never);
  const stopped = answers.answerTo("b", 1_000, interrupted.signal);
  interrupted.abort(new Error("enough"));
  await expect(stopped).rejects.toThrow("enough");
  expect(await late).toBeUndefined();
  await expect(answers.answerTo("a", 5, interrupted.signal)).rejects.toThrow("enough");
});

test("a call beyond the bound is refused, and the end of another one makes room", async () => {
  const answers = new WaitingAnswers(1);
  const first = answers.answerTo("a", 1_000, never);
  expect(() => answers.ensureRoom("b")).toThrow("1 requests already wait");
  answers.resolve(responseTo("a"));
  await first;
  expect(() => answers.ensureRoom("b")).not.toThrow();
});

test("when responses can no longer be read, all waiting calls are rejected with the reason", async () => {
  const answers = new WaitingAnswers(10);
  const asked = ["a", "b"].map((id) => answers.answerTo(id, 1_000, never));
  answers.rejectAll(new Error("no right to the group"));
  const ends = await Promise.allSettled(asked);
  expect(ends.map((end) => end.status === "rejected" && String(end.reason))).toEqual([
    "Error: no right to the group",
    "Error: no right to the group",
  ]);
});
