import { join } from "node:path";
import { repositoryRoot } from "@sluice/local-stack";
import { expect, test } from "vitest";
import { passesOf, readPrompts } from "./prompts.ts";

test("a repeated prompt is sent in the second pass, and both passes alternate between the transports", () => {
  const { first, repeats } = passesOf(["a", "b", "a", "c", "b", "a"]);
  expect(first).toEqual([
    { prompt: "a", transport: "http" },
    { prompt: "b", transport: "kafka" },
    { prompt: "c", transport: "http" },
  ]);
  expect(repeats).toEqual([
    { prompt: "a", transport: "http" },
    { prompt: "b", transport: "kafka" },
    { prompt: "a", transport: "http" },
  ]);
});

test("the demo has 48 distinct prompts and 12 repeats, and sends half of them over each transport", () => {
  const path = join(repositoryRoot, "examples", "prompts", "prompts.jsonl");
  const { first, repeats } = passesOf(readPrompts(path));
  expect([first.length, repeats.length]).toEqual([48, 12]);
  expect([...first, ...repeats].filter(({ transport }) => transport === "http")).toHaveLength(30);
});
