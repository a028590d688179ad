// Prints how the classifier judges public prompts, and how long it takes:
//
//   node --conditions=@sluice/source bench/measure.ts <folder of the data sets>
import { createHash } from "node:crypto";
import { classify } from "../src/classify.ts";
import { readPrompts } from "./prompts.ts";
import { readQuestions, type Question } from "./routellm.ts";

const complexities = ["simple", "medium", "complex"] as const;

const data = process.argv[2];
if (data === undefined)
  throw new Error(
    "The folder of the data sets is missing. Pass a folder that contains prompts/ and routellm/.",
  );
printShares(data);
for (const bench of ["mmlu", "gsm8k"] as const) printFailures(bench, readQuestions(data, bench));
printTimes(data);

/**
 * Prints the shares of the complexities per set. The weights were chosen by looking at half of the
 * prompts.
 */
function printShares(folder: string): void {
  const prompts = readPrompts(folder).map(({ set, text }) => ({
    set: `${set}, ${isLookedAt(text) ? "looked at" : "held out"}`,
    complexity: classifyText(text).complexity,
  }));
  const shares = Object.entries(Object.groupBy(prompts, ({ set }) => set)).map(
    ([set, found = []]) => ({
      set,
      prompts: found.length,
      ...Object.fromEntries(
        complexities.map((wanted) => [
          wanted,
          percentOf(found.filter(({ complexity }) => complexity === wanted).length, found.length),
        ]),
      ),
    }),
  );
  console.table(shares.toSorted((left, right) => left.set.localeCompare(right.set)));
}

/** Prints how often the weak and the strong model fail, by complexity. */
function printFailures(bench: string, questions: readonly Question[]): void {
  const classified = questions.map((question) => ({ ...question, ...classifyText(question.text) }));
  const areaOf = (isPositive: (question: Question) => boolean): string =>
    areaUnderCurve(
      classified.map((question) => ({ score: question.score, isPositive: isPositive(question) })),
    ).toFixed(3);
  console.log(`${bench}: ${questions.length} questions`);
  console.log(`  AUC of the score for "weak model fails": ${areaOf((q) => !q.isWeakRight)}`);
  console.log(
    `  AUC for "weak fails and strong is right": ${areaOf((q) => !q.isWeakRight && q.isStrongRight)}`,
  );
  console.table(
    complexities.map((wanted) => {
      const found = classified.filter(({ complexity }) => complexity === wanted);
      return {
        complexity: wanted,
        questions: found.length,
        weakFails: percentOf(found.filter((q) => !q.isWeakRight).length, found.length),
        strongFails: percentOf(found.filter((q) => !q.isStrongRight).length, found.length),
      };
    }),
  );
}

function printTimes(folder: string): void {
  const prompts = readPrompts(folder).map(({ text }) => text);
  const long = prompts.join("\n").slice(0, 100 * 1_024);
  const cases = {
    "public prompts": prompts,
    "100 KB of prompts": Array.from({ length: 300 }, () => long),
    "100 KB of f(f(f(": Array.from({ length: 300 }, () => "f(".repeat(51_200)),
    "100 KB of a_a_a_": Array.from({ length: 300 }, () => "a_".repeat(51_200)),
  };
  console.table(
    Object.entries(cases).map(([name, texts]) => {
      const times = texts.map(timeOf).toSorted((left, right) => left - right);
      const at = (share: number): string =>
        (times[Math.floor(share * times.length)] ?? 0).toFixed(2);
      return { name, runs: times.length, p50Ms: at(0.5), p99Ms: at(0.99) };
    }),
  );
}

/**
 * Returns the best of three times in milliseconds, so that other processes on the same cores matter
 * little.
 */
function timeOf(text: string): number {
  const times = [1, 2, 3].map(() => {
    const begunAt = performance.now();
    classifyText(text);
    return performance.now() - begunAt;
  });
  return Math.min(...times);
}

function classifyText(text: string): ReturnType<typeof classify> {
  return classify([{ role: "user", content: text, parts: null }]);
}

function isLookedAt(text: string): boolean {
  return (createHash("sha256").update(text).digest()[0] ?? 0) % 2 === 0;
}

/**
 * Returns the probability that a positive has a higher score than a negative. Ties count half
 * (Mann-Whitney).
 */
function areaUnderCurve(
  scored: readonly { readonly score: number; readonly isPositive: boolean }[],
): number {
  const groups = [...Map.groupBy(scored, ({ score }) => score)].toSorted(([a], [b]) => a - b);
  let ranks = 0;
  let before = 0;
  for (const [, tied] of groups) {
    const positives = tied.filter(({ isPositive }) => isPositive).length;
    ranks += positives * (before + (tied.length + 1) / 2);
    before += tied.length;
  }
  const positives = scored.filter(({ isPositive }) => isPositive).length;
  const pairs = positives * (scored.length - positives);
  return (ranks - (positives * (positives + 1)) / 2) / pairs;
}

function percentOf(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`;
}
