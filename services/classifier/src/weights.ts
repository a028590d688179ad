import type { Features } from "./features.ts";

/** How much a feature adds to the score: weight × count, where the count is at most `countMax`. */
export interface Weight {
  readonly feature: keyof Features;
  readonly weight: number;
  readonly countMax: number;
  /** Why the feature counts, and why it has this weight. */
  readonly reason: string;
}

/** The lowest scores of a medium and of a complex request. */
export const thresholds = { medium: 1, complex: 2.4 };

export const weights: readonly Weight[] = [
  {
    feature: "codeWanted",
    weight: 0.7,
    countMax: 3,
    reason: "a program has to be correct as a whole; three technical words are enough evidence",
  },
  {
    feature: "codeLanguages",
    weight: 0.9,
    countMax: 2,
    reason: "a named language or tool is the strongest sign of technical work",
  },
  {
    feature: "codeLines",
    weight: 0.15,
    countMax: 10,
    reason: "code in the prompt has to be understood before it is changed",
  },
  {
    feature: "mathematics",
    weight: 0.6,
    countMax: 3,
    reason: "one wrong step makes the result wrong",
  },
  {
    feature: "formulas",
    weight: 0.3,
    countMax: 4,
    reason: "a formula has to be used exactly",
  },
  {
    feature: "numbers",
    weight: 0.06,
    countMax: 10,
    reason: "numbers have to be distinguished and combined, as in word problems",
  },
  {
    feature: "reasoning",
    weight: 0.6,
    countMax: 3,
    reason: "small models are worst at comparing and planning",
  },
  {
    feature: "expertise",
    weight: 0.7,
    countMax: 3,
    reason: "a client that uses words of a profession expects an answer at its level",
  },
  {
    feature: "multiStep",
    weight: 0.35,
    countMax: 3,
    reason: "each further step can fail, and depends on the one before",
  },
  {
    feature: "constraints",
    weight: 0.25,
    countMax: 5,
    reason: "all conditions have to be met at once; single ones are common in easy tasks",
  },
  {
    feature: "longForm",
    weight: 0.5,
    countMax: 2,
    reason: "a long text needs a plan",
  },
  {
    feature: "structuredOutput",
    weight: 0.35,
    countMax: 2,
    reason: "a machine-readable format allows no mistake",
  },
  {
    feature: "lengthDoublings",
    weight: 0.25,
    countMax: 6,
    reason: "a longer text has more that can be misread, growing with the logarithm of its length",
  },
  {
    feature: "listItems",
    weight: 0.08,
    countMax: 6,
    reason:
      "a list may be several tasks or conditions, but many lists are data, so each item counts little",
  },
  {
    feature: "furtherQuestions",
    weight: 0.25,
    countMax: 3,
    reason: "several questions need several answers",
  },
  {
    feature: "naturalLanguages",
    weight: 0.2,
    countMax: 2,
    reason: "a named language means translating, or writing in it",
  },
  {
    feature: "furtherScripts",
    weight: 0.4,
    countMax: 2,
    reason: "small models make mistakes if writing systems are mixed",
  },
  {
    feature: "unreadWords",
    weight: 1,
    countMax: 1,
    reason: "the lexicon is English, and a text that it cannot judge must not count as simple",
  },
  {
    feature: "media",
    weight: 0.6,
    countMax: 3,
    reason: "the classifier cannot see what an image asks for",
  },
  {
    feature: "standingConstraints",
    weight: 0.05,
    countMax: 10,
    reason: "rules of the system prompt apply to easy turns too, so each counts little",
  },
  {
    feature: "earlierTurns",
    weight: 0.1,
    countMax: 5,
    reason: "the earlier conversation has to be taken into account",
  },
  {
    feature: "earlierCode",
    weight: 0.6,
    countMax: 1,
    reason: "a short follow-up to code is still about code",
  },
  {
    feature: "toolResults",
    weight: 0.3,
    countMax: 3,
    reason: "results of tools have to be read and combined",
  },
  {
    feature: "technicalNames",
    weight: 0.3,
    countMax: 3,
    reason: "a task that names functions and files is about an existing system",
  },
  {
    feature: "wordProblem",
    weight: 0.9,
    countMax: 1,
    reason: "an amount has to be computed from others",
  },
  {
    feature: "creation",
    weight: 0.3,
    countMax: 1,
    reason: "something new has to be written",
  },
  {
    feature: "howTo",
    weight: 0.3,
    countMax: 1,
    reason: "a method has to be found, and it has to work",
  },
  {
    feature: "plainTask",
    weight: -0.7,
    countMax: 2,
    reason: "small models are good at changing or classifying a given text",
  },
  {
    feature: "recall",
    weight: -0.3,
    countMax: 2,
    reason: "small models know common facts too",
  },
];
