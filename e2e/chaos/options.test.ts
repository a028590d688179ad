import { expect, test } from "vitest";
import { chosenTargets, parseOptions } from "./options.ts";

test("without options a run has the long form and the given seed", () => {
  expect(parseOptions([], 5)).toEqual({ seed: 5, faults: 60, pairs: 20, only: null });
});

test("a seed, numbers, targets and the short form can be chosen", () => {
  const args = ["--seed", "7", "--faults", "9", "--pairs", "4", "--only", "kafka,redis"];
  expect(parseOptions(args, 5)).toEqual({ seed: 7, faults: 9, pairs: 4, only: ["kafka", "redis"] });
  expect(parseOptions(["--short"], 5)).toEqual({ seed: 5, faults: 6, pairs: 1, only: null });
});

test("fewer faults than the form has pairs are all pairs", () => {
  expect(parseOptions(["--faults", "3"], 5)).toMatchObject({ faults: 3, pairs: 3 });
});

test("a wrong number is refused with its range", () => {
  expect(() => parseOptions(["--faults", "0"], 5)).toThrow(
    '--faults is "0", which is not a whole number from 1 to 1000.',
  );
  expect(() => parseOptions(["--faults", "2", "--pairs", "3"], 5)).toThrow("from 0 to 2");
  expect(() => parseOptions(["--seed", ""], 5)).toThrow("--seed");
});

test("an unknown target is refused with the known ones", () => {
  expect(chosenTargets(["kafka", "redis"], null)).toEqual(["kafka", "redis"]);
  expect(chosenTargets(["kafka", "redis"], ["redis"])).toEqual(["redis"]);
  expect(() => chosenTargets(["kafka", "redis"], ["mysql"])).toThrow(
    '--only names "mysql". The targets are kafka, redis.',
  );
});
