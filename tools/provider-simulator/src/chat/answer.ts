import type { ChatRequest } from "./chat-request.ts";
import type { ModelProfile } from "../models.ts";
import { promptDigestOf } from "./prompt.ts";
import { sampleOf } from "./sample-json.ts";
import { SeededNumbers } from "../seeded.ts";
import { LABEL, countTokens, tokenCharactersMax, tokensOf } from "../tokens.ts";

const WORDS = (
  "the a this each one result value answer reason model system request market number paper " +
  "river garden signal method limit shows keeps follows holds needs gives takes means turns " +
  "reads small clear steady common early simple second open whole likely and but because " +
  "while with from into under after before"
).split(" ");

const ANSWER_TOKENS_LEAST = 24;
const ANSWER_TOKENS_SPREAD = 140;
/** A longer prompt gets a longer answer: one more token for each token of the prompt, up to this number. */
const ANSWER_TOKENS_FOR_PROMPT_MAX = 120;
/** The beginning of a text that has so many tokens, unless the whole text has fewer. */
const CHARACTERS_COUNTED = ANSWER_TOKENS_FOR_PROMPT_MAX * tokenCharactersMax;

/** The answer of one choice, in the tokens in which it is streamed and billed. */
export interface Answer {
  readonly tokens: readonly string[];
  readonly reasoningTokens: number;
  /** The name of the called tool, if `tokens` are the arguments of a tool call; otherwise null. */
  readonly toolName: string | null;
  /** The member of the message that contains `tokens`, if they are not arguments of a tool call. */
  readonly textField: "content" | "refusal";
  readonly topLogprobs: number | null;
  readonly finishReason: "stop" | "length" | "tool_calls" | "content_filter";
}

/**
 * Returns the answers of all choices. They depend on prompt, model and choice only. Limits and stop texts
 * shorten an answer, but do not change it otherwise.
 */
export function answersTo(request: ChatRequest, profile: ModelProfile): readonly Answer[] {
  const prompt = promptDigestOf(request);
  return Array.from({ length: request.choices }, (_, choice) =>
    answerTo(request, profile, new SeededNumbers(prompt, request.model, choice)),
  );
}

function answerTo(request: ChatRequest, profile: ModelProfile, numbers: SeededNumbers): Answer {
  const whole = textOf(request, numbers);
  const text = request.form.kind === "text" ? cutAtStop(whole, request.stops) : whole;
  const tokens = tokensOf(text);
  const reasoningTokens = reasoningOf(tokens.length, request.completionTokensMax, profile, numbers);
  const visibleMax = request.completionTokensMax - reasoningTokens;
  const isFiltered = request.ending === "content_filter";
  const produced = isFiltered ? tokens.slice(0, Math.ceil(tokens.length / 2)) : tokens;

  return {
    tokens: produced.slice(0, visibleMax),
    reasoningTokens,
    toolName: request.form.kind === "tool" ? request.form.tool.name : null,
    textField: request.ending === "refusal" ? "refusal" : "content",
    topLogprobs: request.topLogprobs,
    finishReason: produced.length > visibleMax ? "length" : finishOf(request),
  };
}

function finishOf({ form, ending }: ChatRequest): Answer["finishReason"] {
  if (ending === "content_filter") return "content_filter";
  return form.kind === "tool" ? "tool_calls" : "stop";
}

function textOf({ form, messages }: ChatRequest, numbers: SeededNumbers): string {
  if (form.kind === "tool") {
    const sample = sampleOf({ type: "object", ...form.tool.parameters }, numbers);
    return JSON.stringify(sample);
  }
  const promptTokens = messages
    .map(({ text }) => countTokens(text.slice(0, CHARACTERS_COUNTED)))
    .reduce((sum, tokens) => sum + tokens, 0);
  const length =
    ANSWER_TOKENS_LEAST +
    numbers.between(0, ANSWER_TOKENS_SPREAD) +
    Math.min(promptTokens, ANSWER_TOKENS_FOR_PROMPT_MAX);
  const prose = proseOf(length, numbers);
  if (form.kind === "text") return prose;
  if (Object.keys(form.schema).length === 0)
    return JSON.stringify({ simulated: true, answer: prose });
  const sample = sampleOf({ type: "object", ...form.schema }, numbers);
  return JSON.stringify({ simulated: true, ...Object(sample) });
}

/** Returns sentences of about the given number of tokens, after the label. */
function proseOf(tokens: number, numbers: SeededNumbers): string {
  const sentences: string[] = [LABEL];
  for (let written = 1; written < tokens;) {
    const words = Array.from({ length: numbers.between(5, 14) }, () => numbers.pick(WORDS));
    const sentence = words.join(" ");
    sentences.push(`${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`);
    written += words.length + 1;
  }
  return sentences.join(" ");
}

/**
 * Cuts the text before the first stop text after the label. As with OpenAI, the answer does not include the
 * stop text.
 */
function cutAtStop(text: string, stops: readonly string[]): string {
  const ends = stops
    .map((stop) => text.indexOf(stop, LABEL.length))
    .filter((position) => position >= 0);
  return ends.length === 0 ? text : text.slice(0, Math.min(...ends));
}

/** Returns the number of reasoning tokens: a share of the visible tokens, and at most half of the limit. */
function reasoningOf(
  visibleTokens: number,
  completionTokensMax: number,
  { reasoningShare: [least, most] }: ModelProfile,
  numbers: SeededNumbers,
): number {
  const wanted = Math.ceil(visibleTokens * (least + (most - least) * numbers.next()));
  return Math.min(wanted, Math.floor(completionTokensMax / 2));
}
