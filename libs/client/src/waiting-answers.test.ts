import type { InferenceResponded } from "@sluice/contracts";
import { anOutcome } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import { WaitingAnswers } from "./waiting-answers.ts";

const never = new AbortController().signal;

const responseTo = (requestId: string): InferenceResponded => anOutcome({ requestId });

test("each gets the outcome of its own request, and two that ask the same get the same", async () => {
  const answers = new WaitingAnswers(10);
  const asked = ["a", "b", "a"].map((id) => answers.answerTo(id, 1_000, never));
  const [a, b] = [responseTo("a"), responseTo("b")];
  for (const response of [responseTo("c"), b, a, responseTo("a")]) answers.arrived(response);
  expect(await Promise.all(asked)).toEqual([a, b, a]);
});

test("a time that is over is no answer, and an interruption is thrown with its reason", async () => {
  const answers = new WaitingAnswers(10);
  const interrupted = new AbortController();
  const late = answers.answerTo("a", 5, never);
  const stopped = answers.answerTo("b", 1_000, interrupted.signal);
  interrupted.abort(new Error("enough"));
  await expect(stopped).rejects.toThrow("enough");
  expect(await late).toBeUndefined();
  await expect(answers.answerTo("a", 5, interrupted.signal)).rejects.toThrow("enough");
});

test("more than the bound are refused at once, and an end makes room", async () => {
  const answers = new WaitingAnswers(1);
  const first = answers.answerTo("a", 1_000, never);
  expect(() => answers.ensureRoom("b")).toThrow("1 requests wait");
  answers.arrived(responseTo("a"));
  await first;
  expect(() => answers.ensureRoom("b")).not.toThrow();
});

test("when responses cannot be read any more, all that wait are told why", async () => {
  const answers = new WaitingAnswers(10);
  const asked = ["a", "b"].map((id) => answers.answerTo(id, 1_000, never));
  answers.broke(new Error("no right to the group"));
  const ends = await Promise.allSettled(asked);
  expect(ends.map((end) => end.status === "rejected" && String(end.reason))).toEqual([
    "Error: no right to the group",
    "Error: no right to the group",
  ]);
});
