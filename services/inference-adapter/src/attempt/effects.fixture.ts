import { type CostMetered, type InferenceResponded, type Topic, topics } from "@sluice/contracts";
import { type Deferral, type Effect, isDeadLetter, type Publishable } from "@sluice/stage";
import type { Scripted } from "../providers/in-memory-provider.ts";

/* What tests of the stage let a provider do, and what they read in the effects. */

export const refused = {
  kind: "refused",
  status: 429,
  retryAfterMs: null,
  code: "rate_limited",
} as const;
export const answered: Scripted = { kind: "answer", tokens: ["One", " two."] };

export function recordsOf<R>(messages: readonly Publishable[], topic: Topic<R>): readonly R[] {
  return messages.flatMap((message) =>
    !isDeadLetter(message) && message.topic.name === topic.name
      ? // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the topic's type says so
        [message.record as R]
      : [],
  );
}

export function emittedIn(effect: Effect | Deferral): readonly Publishable[] {
  if (effect.kind !== "emit") throw new Error(`The effect is ${effect.kind}, not emit.`);
  return effect.messages;
}

export function meteredIn(effect: Effect | Deferral): readonly CostMetered[] {
  return recordsOf(emittedIn(effect), topics.costMetered);
}

export function outcomeIn(effect: Effect | Deferral): InferenceResponded | undefined {
  return recordsOf(emittedIn(effect), topics.inferenceResponded)[0];
}
