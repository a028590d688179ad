import type { Classification, Complexity } from "@sluice/contracts";
import { featuresOf, type ConversationTurn, type Features } from "./features.ts";
import { scanLimit } from "./scan.ts";
import { thresholds, weights } from "./weights.ts";

const REASONS_MAX = 6;

/**
 * Decides how hard the last user turn of a conversation is. Pure, and linear in the text that is read.
 *
 * `score` is the sum of the weighted features, `margin` is its distance to the nearest threshold, and
 * `reasons` are the features that contributed most, strongest first.
 */
export function classify(messages: readonly ConversationTurn[]): Classification {
  const features = featuresOf(messages);
  const counted = weights
    .map(({ feature, weight, countMax }) => ({
      feature,
      count: features[feature],
      points: weight * Math.min(features[feature], countMax),
    }))
    .filter(({ points }) => points !== 0)
    .toSorted((left, right) => Math.abs(right.points) - Math.abs(left.points));
  const score = rounded(counted.reduce((sum, { points }) => sum + points, 0));

  return {
    complexity: complexityOf(score),
    score,
    margin: rounded(Math.min(...Object.values(thresholds).map((least) => Math.abs(score - least)))),
    reasons: [
      ...counted.slice(0, REASONS_MAX).map(reasonOf),
      ...(isReadInPart(messages) ? [partReadReason] : []),
    ],
  };
}

/**
 * The result for embeddings. The model that the request names makes them, however hard the inputs
 * are.
 */
export const notClassified: Classification = {
  complexity: "simple",
  score: 0,
  margin: 0,
  reasons: ["embeddings are made only by the model that the request names"],
};

function complexityOf(score: number): Complexity {
  if (score >= thresholds.complex) return "complex";
  return score >= thresholds.medium ? "medium" : "simple";
}

const partReadReason = `read in part: ${scanLimit.headCharacters} characters from the beginning, ${scanLimit.tailCharacters} from the end`;

function isReadInPart(messages: readonly ConversationTurn[]): boolean {
  const task = messages.findLast(({ role }) => role === "user");
  const readMax = scanLimit.headCharacters + scanLimit.tailCharacters;
  return (task?.content.length ?? 0) > readMax;
}

/** Returns a reason such as `codeLanguages 2: +1.8`. */
function reasonOf(counted: {
  readonly feature: keyof Features;
  readonly count: number;
  readonly points: number;
}): string {
  const sign = counted.points > 0 ? "+" : "";
  return `${counted.feature} ${rounded(counted.count)}: ${sign}${rounded(counted.points)}`;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
