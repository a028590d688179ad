import type { Features } from "./features.ts";

/** What one feature adds to the score: weight × the count, counted up to `countMax`. */
export interface Weight {
  readonly feature: keyof Features;
  readonly weight: number;
  readonly countMax: number;
  /** Why it counts, and as much as it does. */
  readonly reason: string;
}

/** Least scores of the upper classes. */
export const thresholds = { medium: 1, complex: 2.4 };

export const weights: readonly Weight[] = [
  {
    feature: "codeWanted",
    weight: 0.7,
    countMax: 3,
    reason: "programs must be right as a whole; three words of the trade make the case",
  },
  {
    feature: "codeLanguages",
    weight: 0.9,
    countMax: 2,
    reason: "a named language or tool is the surest sign of technical work",
  },
  {
    feature: "codeLines",
    weight: 0.15,
    countMax: 10,
    reason: "given code must be understood before it is changed",
  },
  {
    feature: "mathematics",
    weight: 0.6,
    countMax: 3,
    reason: "one wrong step spoils the result",
  },
  {
    feature: "formulas",
    weight: 0.3,
    countMax: 4,
    reason: "formulas must be carried through exactly",
  },
  {
    feature: "numbers",
    weight: 0.06,
    countMax: 10,
    reason: "figures have to be kept apart and combined, as in word problems",
  },
  {
    feature: "reasoning",
    weight: 0.6,
    countMax: 3,
    reason: "weighing and planning is what small models do worst",
  },
  {
    feature: "expertise",
    weight: 0.7,
    countMax: 3,
    reason: "who uses words of a trade wants an answer of that trade",
  },
  {
    feature: "multiStep",
    weight: 0.35,
    countMax: 3,
    reason: "each further step can fail, and builds on the one before",
  },
  {
    feature: "constraints",
    weight: 0.25,
    countMax: 5,
    reason: "all have to be met at once; single ones are common in easy tasks",
  },
  {
    feature: "longForm",
    weight: 0.5,
    countMax: 2,
    reason: "long texts need a plan",
  },
  {
    feature: "structuredOutput",
    weight: 0.35,
    countMax: 2,
    reason: "a form that machines read allows no slip",
  },
  {
    feature: "lengthDoublings",
    weight: 0.25,
    countMax: 6,
    reason: "more to read is more to get wrong, in the measure of the logarithm",
  },
  {
    feature: "listItems",
    weight: 0.08,
    countMax: 6,
    reason: "lists are several tasks or conditions; many are mere data, so little each",
  },
  {
    feature: "furtherQuestions",
    weight: 0.25,
    countMax: 3,
    reason: "several questions want several answers",
  },
  {
    feature: "naturalLanguages",
    weight: 0.2,
    countMax: 2,
    reason: "naming a language means translating or writing in it",
  },
  {
    feature: "furtherScripts",
    weight: 0.4,
    countMax: 2,
    reason: "small models slip when writing systems are mixed",
  },
  {
    feature: "unreadWords",
    weight: 1,
    countMax: 1,
    reason: "the lexicon is English: what it cannot judge is medium, not simple",
  },
  {
    feature: "media",
    weight: 0.6,
    countMax: 3,
    reason: "what a picture asks for cannot be seen here",
  },
  {
    feature: "standingConstraints",
    weight: 0.05,
    countMax: 10,
    reason: "rules of the system prompt hold for easy turns too, so little each",
  },
  {
    feature: "earlierTurns",
    weight: 0.1,
    countMax: 5,
    reason: "a conversation has to be remembered",
  },
  {
    feature: "earlierCode",
    weight: 0.6,
    countMax: 1,
    reason: "short follow-ups to code are still about code",
  },
  {
    feature: "toolResults",
    weight: 0.3,
    countMax: 3,
    reason: "results of tools must be read and brought together",
  },
  {
    feature: "technicalNames",
    weight: 0.3,
    countMax: 3,
    reason: "who names functions and files asks about a system that exists",
  },
  {
    feature: "wordProblem",
    weight: 0.9,
    countMax: 1,
    reason: "an amount must be worked out from others",
  },
  {
    feature: "creation",
    weight: 0.3,
    countMax: 1,
    reason: "something has to be made that was not there",
  },
  {
    feature: "howTo",
    weight: 0.3,
    countMax: 1,
    reason: "a way has to be found, and has to work",
  },
  {
    feature: "plainTask",
    weight: -0.7,
    countMax: 2,
    reason: "changing or sorting a given text is what small models do well",
  },
  {
    feature: "recall",
    weight: -0.3,
    countMax: 2,
    reason: "what many texts say, small models know too",
  },
];
