import { commonEnglishWords, lexicon, type LexiconFeature } from "./lexicon.ts";
import { scanned } from "./scan.ts";

/** The fields of a message that are read. */
export interface ConversationTurn {
  readonly role: string;
  readonly content: string;
  /** The content parts as JSON; null if the content is text alone. */
  readonly parts: string | null;
}

/** Counts without weights. Each word of the lexicon counts once, however often it occurs. */
export interface Features extends Readonly<Record<LexiconFeature, number>> {
  /** Doublings of the task's length beyond 16 words; 0 for less. */
  readonly lengthDoublings: number;
  readonly codeLines: number;
  readonly listItems: number;
  readonly formulas: number;
  readonly numbers: number;
  /** 1 if the task asks for an amount and contains at least two numbers. */
  readonly wordProblem: number;
  /** Names in the form of programs: camelCase, snake_case, file.ext, call(). */
  readonly technicalNames: number;
  /** Questions beyond the first. */
  readonly furtherQuestions: number;
  /** Writing systems beyond the first. */
  readonly furtherScripts: number;
  /** 1 if the lexicon does not know the words of the task. */
  readonly unreadWords: number;
  /** Images, audio and files. */
  readonly media: number;
  /** Constraints in system and developer messages. */
  readonly standingConstraints: number;
  /** User turns before the task. */
  readonly earlierTurns: number;
  /** 1 if earlier turns contain code. */
  readonly earlierCode: number;
  /** Results of tools in the conversation. */
  readonly toolResults: number;
}

// Uses plain ranges instead of \p{L}, which takes six times as long. General punctuation, symbols and
// surrogates are left out.
const WORD =
  /[A-Za-z0-9\u00C0-\u1FFF\u2C00-\uD7FF\uF900-\uFFEF][A-Za-z0-9\u00C0-\u1FFF\u2C00-\uD7FF\uF900-\uFFEF'’+#.-]{0,39}/g;
const CODE_LINE =
  /[;{}]\s{0,4}$|^\s{0,40}(?:def|class|import|from|function|const|let|var|public|private|static|return|package|using|namespace|SELECT|INSERT|CREATE|#include|#define|<\/?[a-z][a-z0-9-]{0,20}[\s>]|@\w|\w{1,30}\.\w{1,30}\(|\w{1,30} ?= ?\w{1,30}[(.[])/;
const LIST_ITEM = /^\s{0,12}(?:[-*•+–]|\d{1,3}[.)])\s/;
const FORMULA =
  /\\(?:frac|int|sum|sqrt|lim|prod|begin|math|left|cdot|times|alpha|theta)|[≤≥±∑∫√π∞∈∀∃→≈≠]|\b\w{1,10}\s?\^\s?[\w(]|\d\s?[*×÷^=]\s?\d|\b[a-z]\s?=\s?-?[\d(a-z]|\b[a-z]\([a-z]\)/g;

const QUANTITY =
  /\bhow (?:many|much|long|far|old|tall|fast|often)\b|\bwhat (?:time|percent|fraction)\b|\bwhat (?:is|was|will be) the (?:\w{1,15} )?(?:total|difference|cost|price|number|sum|average|value)\b/i;
const TECHNICAL_NAME =
  /\b[a-z]{1,30}[A-Z]\w{1,30}|\b[A-Za-z]\w{0,30}_\w{1,30}|\b[\w-]{1,30}\.[a-z]{2,4}\b|\b\w{1,30}\(|`[^`\n]{1,60}`/g;

const instructionCharacters = { head: 500, tail: 250 };
/**
 * Words for a plain task or for recall count only among the first words; further on they mean
 * little.
 */
const OPENING_WORDS = 14;
const EARLIER_TURNS_READ = 4;
const EARLIER_CHARACTERS_READ = 4_000;
const LINES_MAX = 1_500;
const LINE_CHARACTERS_MAX = 240;

/** Returns the counts of a conversation's last user turn, and of the turns around it. */
export function featuresOf(messages: readonly ConversationTurn[]): Features {
  const taskAt = messages.findLastIndex(({ role }) => role === "user");
  const task = messages[taskAt];
  const text = scanned(task?.content ?? "");
  const wordsInTask = wordsOf(text);
  const instruction = instructionOf(text);
  const instructionWords = wordsOf(instruction);
  const opening = countLexicon(instructionWords.slice(0, OPENING_WORDS));
  const lines = linesOf(text);
  const numbers = wordsInTask.filter((word) => /^\d/.test(word)).length;
  const codeLines = countMatching(lines, CODE_LINE);
  const earlier = messages.slice(0, Math.max(0, taskAt));
  const earlierUser = earlier.filter(({ role }) => role === "user");

  return {
    ...countLexicon(instructionWords),
    plainTask: opening.plainTask,
    recall: opening.recall,
    lengthDoublings: lengthDoublingsOf(task?.content ?? "", text, wordsInTask),
    codeLines,
    listItems: countMatching(lines, LIST_ITEM),
    formulas: text.match(FORMULA)?.length ?? 0,
    numbers,
    wordProblem: numbers >= 2 && QUANTITY.test(text) ? 1 : 0,
    technicalNames: new Set(instruction.match(TECHNICAL_NAME)).size,
    furtherQuestions: Math.max(0, (text.match(/[?？؟]/g)?.length ?? 0) - 1),
    furtherScripts: Math.max(0, scriptsIn(text) - 1),
    unreadWords: isUnread(wordsInTask, codeLines, lines.length) ? 1 : 0,
    media: countMedia(task?.parts ?? null),
    standingConstraints: countStandingConstraints(messages),
    earlierTurns: earlierUser.length,
    earlierCode: earlier.slice(-EARLIER_TURNS_READ).some(containsCode) ? 1 : 0,
    toolResults: messages.filter(({ role }) => role === "tool").length,
  };
}

/**
 * Returns the beginning and the end of the task, where the instruction is. The words of a pasted text
 * between them show its topic, and not what the client wants done with it.
 */
function instructionOf(text: string): string {
  const { head, tail } = instructionCharacters;
  if (text.length <= head + tail) return text;
  return `${text.slice(0, head)}\n${text.slice(-tail)}`;
}

function wordsOf(text: string): readonly string[] {
  return (text.match(WORD) ?? []).map((word) => word.toLowerCase().replace(/[.'’-]+$/, ""));
}

function linesOf(text: string): readonly string[] {
  return text
    .split("\n", LINES_MAX)
    .map((line) => line.slice(0, LINE_CHARACTERS_MAX))
    .filter((line) => line.trim() !== "");
}

function countMatching(lines: readonly string[], pattern: RegExp): number {
  return lines.filter((line) => pattern.test(line)).length;
}

function countLexicon(words: readonly string[]): Record<LexiconFeature, number> {
  const counts: Record<LexiconFeature, number> = {
    codeWanted: 0,
    codeLanguages: 0,
    mathematics: 0,
    reasoning: 0,
    expertise: 0,
    constraints: 0,
    multiStep: 0,
    longForm: 0,
    structuredOutput: 0,
    naturalLanguages: 0,
    creation: 0,
    howTo: 0,
    plainTask: 0,
    recall: 0,
  };
  const seen = new Set<string>();
  let before = "";
  for (const word of words) {
    for (const entry of [word, `${before} ${word}`]) {
      const features = lexicon.get(entry);
      if (!features || seen.has(entry)) continue;
      seen.add(entry);
      for (const feature of features) counts[feature] += 1;
    }
    before = word;
  }
  return counts;
}

/** Returns the doublings of the whole length, even if only a part of the text was read. */
function lengthDoublingsOf(whole: string, read: string, words: readonly string[]): number {
  if (words.length === 0) return 0;
  // In scripts without spaces a "word" is a long run of characters, two of which are about one word.
  const wordsRead = words.reduce(
    (sum, word) => sum + (isSpaceless(word) ? Math.ceil(word.length / 2) : 1),
    0,
  );
  return Math.max(0, Math.log2((wordsRead * whole.length) / read.length / 16));
}

function isSpaceless(word: string): boolean {
  return /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u.test(word);
}

const LATIN = /[A-Za-z]{2}/;
const OTHER_SCRIPTS = [
  /\p{Script=Cyrillic}{2}/u,
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u,
  /\p{Script=Hangul}/u,
  /\p{Script=Arabic}{2}/u,
  /\p{Script=Hebrew}{2}/u,
  /\p{Script=Devanagari}{2}/u,
  /\p{Script=Greek}{3}/u,
  /\p{Script=Thai}{2}/u,
];

function scriptsIn(text: string): number {
  const beyondAscii = text.replace(/[ -~\s]+/g, " ");
  const others = OTHER_SCRIPTS.filter((script) => script.test(beyondAscii)).length;
  return others + (LATIN.test(text) ? 1 : 0);
}

/** Whether the text is prose with almost no common English words, which the lexicon cannot judge. */
function isUnread(words: readonly string[], codeLines: number, lines: number): boolean {
  const isCode = codeLines * 3 > lines;
  const spaceless = words.some(isSpaceless);
  if (isCode || (words.length < 8 && !spaceless)) return false;
  const common = words.filter((word) => commonEnglishWords.has(word)).length;
  return common * 12 < words.length;
}

function countMedia(parts: string | null): number {
  if (parts === null) return 0;
  const kinds = scanned(parts).match(/"type"\s?:\s?"(?:image_url|input_audio|file)"/g);
  return kinds?.length ?? 0;
}

function countStandingConstraints(messages: readonly ConversationTurn[]): number {
  const instructions = messages.filter(({ role }) => role === "system" || role === "developer");
  const text = scanned(instructions.map(({ content }) => content).join("\n"));
  const listed = countMatching(linesOf(text), LIST_ITEM);
  return countLexicon(wordsOf(text)).constraints + listed;
}

function containsCode({ content }: ConversationTurn): boolean {
  const text = content.slice(0, EARLIER_CHARACTERS_READ);
  return text.includes("```") || countMatching(linesOf(text), CODE_LINE) > 2;
}
