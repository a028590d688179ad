import type { AnswerRequest } from "./answer-request.ts";
import type { ModelProfile } from "../models.ts";
import { proseOf } from "./prose.ts";
import { sampleOf } from "./sample-json.ts";
import { SeededNumbers } from "../seeded.ts";
import { LABEL, countTokens, tokenCharactersMax, tokensOf } from "../tokens.ts";

const ANSWER_TOKENS_LEAST = 24;
const ANSWER_TOKENS_SPREAD = 140;
/** A longer prompt gets a longer answer: one more token for each token of the prompt, up to this number. */
const ANSWER_TOKENS_FOR_PROMPT_MAX = 120;
/** The beginning of a text that has so many tokens, unless the whole text has fewer. */
const CHARACTERS_COUNTED = ANSWER_TOKENS_FOR_PROMPT_MAX * tokenCharactersMax;

/** Why an answer ends. Each interface has its own words for these. */
export type AnswerEnd = "complete" | "stop-text" | "limit" | "tool-call" | "refusal" | "filtered";

/** The answer of one choice, in the tokens in which it is streamed and billed. */
export interface Answer {
  readonly tokens: readonly string[];
  readonly reasoningTokens: number;
  /** The name of the called tool, if `tokens` are the arguments of a tool call; otherwise null. */
  readonly toolName: string | null;
  /** Whether `tokens` are a refusal, also if it was cut. */
  readonly isRefusal: boolean;
  readonly end: AnswerEnd;
  /** The stop text that ended the answer and is not part of it; otherwise null. */
  readonly stopText: string | null;
}

/**
 * Returns the answers of all choices. They depend on prompt, model and choice only. Limits and stop texts
 * shorten an answer, but do not change it otherwise.
 */
export function answersTo(request: AnswerRequest, profile: ModelProfile): readonly Answer[] {
  return Array.from({ length: request.choices }, (_, choice) =>
    answerTo(request, profile, new SeededNumbers(request.promptDigest, request.model, choice)),
  );
}

/** Returns an answer without a token, as models give it that consider their turn complete. */
export function emptied(answer: Answer): Answer {
  return {
    ...answer,
    tokens: [],
    reasoningTokens: 0,
    toolName: null,
    isRefusal: false,
    end: "complete",
    stopText: null,
  };
}

function answerTo(request: AnswerRequest, profile: ModelProfile, numbers: SeededNumbers): Answer {
  const whole = textOf(request, numbers);
  const cut = request.form.kind === "text" ? cutAtStop(whole, request.stops) : uncut(whole);
  const tokens = tokensOf(cut.text);
  const reasoningTokens = reasoningOf(tokens.length, request, profile, numbers);
  const visibleMax = request.tokensMax - reasoningTokens;
  const isFiltered = request.ending === "content_filter";
  const produced = isFiltered ? tokens.slice(0, Math.ceil(tokens.length / 2)) : tokens;
  const isLimited = produced.length > visibleMax;

  return {
    tokens: produced.slice(0, visibleMax),
    reasoningTokens,
    toolName: request.form.kind === "tool" ? request.form.tool.name : null,
    isRefusal: request.ending === "refusal",
    end: isLimited ? "limit" : endOf(request, cut.stopText),
    stopText: isLimited ? null : cut.stopText,
  };
}

function endOf({ form, ending }: AnswerRequest, stopText: string | null): AnswerEnd {
  if (ending === "content_filter") return "filtered";
  if (form.kind === "tool") return "tool-call";
  if (ending === "refusal") return "refusal";
  return stopText === null ? "complete" : "stop-text";
}

function textOf({ form, texts }: AnswerRequest, numbers: SeededNumbers): string {
  if (form.kind === "tool") {
    const sample = sampleOf({ type: "object", ...form.tool.parameters }, numbers);
    return JSON.stringify(sample);
  }
  const promptTokens = texts
    .map((text) => countTokens(text.slice(0, CHARACTERS_COUNTED)))
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

/** A text up to the stop text that ended it, if any. */
interface CutText {
  readonly text: string;
  readonly stopText: string | null;
}

function uncut(text: string): CutText {
  return { text, stopText: null };
}

/**
 * Cuts the text before the first stop text after the label. As with the real providers, the answer does not
 * include the stop text.
 */
function cutAtStop(text: string, stops: readonly string[]): CutText {
  const [first] = stops
    .map((stopText) => ({ stopText, at: text.indexOf(stopText, LABEL.length) }))
    .filter(({ at }) => at >= 0)
    .toSorted((left, right) => left.at - right.at);
  return first ? { text: text.slice(0, first.at), stopText: first.stopText } : uncut(text);
}

/** Returns the number of reasoning tokens: a share of the visible tokens, and at most half of the limit. */
function reasoningOf(
  visibleTokens: number,
  { tokensMax, reasoningTokensMax }: AnswerRequest,
  { reasoningShare: [least, most] }: ModelProfile,
  numbers: SeededNumbers,
): number {
  const wanted = Math.ceil(visibleTokens * (least + (most - least) * numbers.next()));
  return Math.min(wanted, reasoningTokensMax, Math.floor(tokensMax / 2));
}
