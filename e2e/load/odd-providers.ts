import type { MixedRequest } from "./mixed-load.ts";

/** What a provider sends for one request, in a form that real providers have, and how the request ends. */
export interface OddAnswer {
  readonly fault: string;
  readonly model: string;
  readonly stream: boolean;
  readonly n?: number;
  /** The code of the error that the client receives; undefined if it receives an answer. */
  readonly code?: string;
}

const cutOff: OddAnswer = {
  fault: "usage-each-chunk after=20",
  model: "sim-standard",
  stream: true,
  code: "stream_interrupted",
};

/** Each ends with a charge that equals the bill, because the provider reports what it bills, or bills nothing. */
export const oddAnswers: readonly OddAnswer[] = [
  ...inBothForms("error-in-200 times=1", "sim-economy", "sim-anthropic-economy"),
  ...inBothForms("heartbeats", "sim-economy", "sim-anthropic-standard"),
  ...inBothForms("empty-answer", "sim-standard", "sim-anthropic-economy"),
  ...inBothForms("529 times=1", "sim-economy", "sim-anthropic-economy"),
  ...inBothForms("429 times=1", "sim-standard", "sim-anthropic-standard"),
  ...inBothForms("500 times=1", "sim-economy", "sim-anthropic-standard"),
  ...inBothForms("no-finish-reason", "sim-economy"),
  ...inBothForms("list-content", "sim-premium"),
  ...inBothForms("total-only", "sim-premium"),
  ...inBothForms("cache-writes", "sim-standard"),
  { fault: "empty-finish-reason", model: "sim-economy", stream: true },
  { fault: "ignores-n", model: "sim-economy", stream: false, n: 2 },
  { fault: "no-choices", model: "sim-economy", stream: false, code: "provider_failed" },
  { fault: "usage-each-chunk", model: "sim-premium", stream: true },
  cutOff,
  ...["spent", "spent-messages"].map((model) => ({
    fault: "insufficient-quota",
    model,
    stream: false,
    code: "provider_quota_exhausted",
  })),
];

function inBothForms(fault: string, ...models: readonly string[]): readonly OddAnswer[] {
  return models.flatMap((model) => [true, false].map((stream) => ({ fault, model, stream })));
}

/** Every fourth request meets an odd answer, each of them in turn. */
export function oddAnswerFor({ number }: MixedRequest): OddAnswer | undefined {
  return number % 4 === 3 ? oddAnswers[((number - 3) / 4) % oddAnswers.length] : undefined;
}
