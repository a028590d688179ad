import { expect, test } from "vitest";
import { classify } from "./classify.ts";
import type { ConversationTurn } from "./features.ts";
import { thresholds, weights } from "./weights.ts";

test("a greeting, a question about a fact and a request to rewrite are simple", () => {
  expect(
    complexitiesOf(
      "Hello!",
      "What is the capital of France?",
      "Rewrite the sentence in a friendlier tone: Send me the file.",
    ),
  ).toEqual(["simple", "simple", "simple"]);
});

test("a small technical task is medium", () => {
  expect(
    complexitiesOf(
      "How do I reverse a string in python?",
      "Write a regex that matches an e-mail address.",
    ),
  ).toEqual(["medium", "medium"]);
});

test("a design under constraints, a repair of code and a proof are complex", () => {
  expect(
    complexitiesOf(
      "Design a distributed rate limiter in Go. It must survive the loss of a node, keep p99 latency under 5 ms, and never admit more than the limit. Compare two strategies.",
      "Why does this fail?\n```python\ndef total(rows):\n    return sum(row.amount for row in rows)\n```\nFix the bug, keep the function's signature and explain the trade-offs.",
      "Prove that the integral of f(x) = x^2 e^x converges, and derive a closed form.",
    ),
  ).toEqual(["complex", "complex", "complex"]);
});

test("a word problem in simple words is not simple", () => {
  expect(
    complexityOf("Ann has 3 boxes with 12 eggs each and sells 7. How many eggs are left?"),
  ).not.toBe("simple");
});

test("a text that the lexicon cannot judge is not simple", () => {
  expect(
    complexityOf("Напишите подробное сравнение двух подходов к хранению данных в системе"),
  ).not.toBe("simple");
  expect(complexityOf("分散システムの設計について、二つの方法を比較してください。")).not.toBe(
    "simple",
  );
});

test("the words of a pasted text do not make a summary of it complex", () => {
  const filler = "The harbour was quiet that morning, and the boats lay in the mist. ".repeat(12);
  const technical = `${filler}They spoke of algorithms, python, kubernetes, theorem, matrix. ${filler}`;
  const [plain, pasted] = [filler + filler, technical].map((text) =>
    classify(conversationOf(`Summarize this text.\n\n${text}`)),
  );
  expect(pasted?.complexity).toBe(plain?.complexity);
});

test("the last user turn is the task, and earlier turns add a little", () => {
  const alone = classify(conversationOf("And in one line?"));
  const followUp = classify([
    turn("user", "Write a function."),
    turn("assistant", "```js\nconst one = () => 1;\n```"),
    turn("user", "And in one line?"),
  ]);
  expect(alone.complexity).toBe("simple");
  expect(followUp.score).toBeGreaterThan(alone.score);
  expect(followUp.reasons).toContain("earlierCode 1: +0.6");
});

test("images and results of tools count, although their content is not read", () => {
  const parts = JSON.stringify([{ type: "image_url", image_url: { url: "data:," } }]);
  expect(classify([{ role: "user", content: "", parts }]).score).toBeGreaterThan(0);
  expect(classify([turn("tool", "[]"), turn("user", "Go on.")]).score).toBeGreaterThan(0);
});

test("a conversation without a user turn is simple, and has no reasons", () => {
  expect(classify([])).toMatchObject({ complexity: "simple", score: 0, reasons: [] });
});

test("the margin is the distance to the nearest threshold", () => {
  const { score, margin } = classify(conversationOf("Write a python function that sorts a list."));
  const distances = Object.values(thresholds).map((least) => Math.abs(least - score));
  expect(margin).toBeCloseTo(Math.min(...distances), 2);
});

test("the reasons are sorted, strongest first", () => {
  const { reasons } = classify(
    conversationOf("Write a python function and prove that it is optimal."),
  );
  const points = reasons.map((reason) => Math.abs(Number(reason.split(": ")[1])));
  expect(points.length).toBeGreaterThan(2);
  expect(points).toEqual(points.toSorted((left, right) => right - left));
});

test("a count above its limit does not make a request harder", () => {
  const some = "must should only exactly never always";
  const more = `${some} cannot without except unless ensure`;
  expect(reasonFor("constraints", more)).toMatch(/: \+1\.25$/);
  expect(reasonFor("constraints", some)).toMatch(/: \+1\.25$/);
});

test("a text that is read in part has a reason that says so, and its whole length counts", () => {
  const { reasons } = classify(conversationOf("word ".repeat(100_000)));
  expect(reasons.at(-1)).toMatch(/^read in part/);
  expect(reasons[0]).toMatch(/^lengthDoublings 12\./);
});

test("the end of a long text is read", () => {
  const { reasons } = classify(
    conversationOf(`${"word ".repeat(50_000)}. Write it in kubernetes yaml.`),
  );
  expect(reasons.join()).toContain("codeLanguages 1");
});

test("every weight has a reason, and every feature one weight", () => {
  expect(new Set(weights.map(({ feature }) => feature)).size).toBe(weights.length);
  for (const { reason, countMax } of weights) {
    expect(reason).not.toBe("");
    expect(countMax).toBeGreaterThan(0);
  }
});

function complexitiesOf(...contents: readonly string[]): readonly string[] {
  return contents.map(complexityOf);
}

function complexityOf(content: string): string {
  return classify(conversationOf(content)).complexity;
}

function reasonFor(feature: string, content: string): string | undefined {
  return classify(conversationOf(content)).reasons.find((reason) => reason.startsWith(feature));
}

function conversationOf(content: string): readonly ConversationTurn[] {
  return [turn("user", content)];
}

function turn(role: string, content: string): ConversationTurn {
  return { role, content, parts: null };
}
