import type { ModelInterface } from "../models.ts";

const everywhere: readonly ModelInterface[] = ["chat", "embeddings", "messages"];
const answers: readonly ModelInterface[] = ["chat", "messages"];
const chat: readonly ModelInterface[] = ["chat"];

/** All faults, with the interfaces on which they exist. */
const interfacesByKind = {
  // An error instead of an answer.
  "402": everywhere,
  "429": everywhere,
  "500": everywhere,
  "529": everywhere,
  "insufficient-quota": everywhere,
  // An error with the status 200.
  "error-in-200": everywhere,
  "error-after": answers,
  // An answer that does not arrive.
  "timeout-after-billing": everywhere,
  "cut-stream": everywhere,
  hang: everywhere,
  // Another answer than the request asks for.
  "empty-answer": answers,
  "no-choices": chat,
  "ignores-n": chat,
  // Another form than the documented one.
  heartbeats: answers,
  "list-content": chat,
  "empty-finish-reason": chat,
  "no-finish-reason": chat,
  // Another report of the usage.
  "usage-each-chunk": chat,
  "total-only": chat,
  "cache-writes": chat,
} as const satisfies Readonly<Record<string, readonly ModelInterface[]>>;

export type FaultKind = keyof typeof interfacesByKind;

export const faultKinds: readonly string[] = Object.keys(interfacesByKind);

export function isFaultKind(text: unknown): text is FaultKind {
  return typeof text === "string" && Object.hasOwn(interfacesByKind, text);
}

/** Returns whether a fault exists on an interface. */
export function existsOn(kind: FaultKind, called: ModelInterface): boolean {
  return interfacesByKind[kind].some((known) => known === called);
}
