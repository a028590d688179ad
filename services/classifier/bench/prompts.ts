import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** One prompt of a public set. */
export interface Prompt {
  readonly set: "arena-hard" | "self-instruct-user" | "self-instruct-seed";
  readonly text: string;
}

interface ArenaQuestion {
  readonly turns: readonly { readonly content: string }[];
}

interface SelfInstructTask {
  readonly instruction: string;
  readonly instances: readonly { readonly input: string }[];
}

/** Returns the prompts of the three sets in `<data>/prompts`. Their sources are in SOURCE.txt there. */
export function readPrompts(data: string): readonly Prompt[] {
  const folder = join(data, "prompts");
  const arena = linesOf(join(folder, "arena-hard-v0.1_question.jsonl.gz")).map(
    (line): ArenaQuestion => JSON.parse(line),
  );
  return [
    ...arena.map(({ turns }) => ({ set: "arena-hard" as const, text: turns[0]?.content ?? "" })),
    ...tasksOf(folder, "user_oriented_instructions", "self-instruct-user"),
    ...tasksOf(folder, "seed_tasks", "self-instruct-seed"),
  ];
}

function tasksOf(folder: string, file: string, set: Prompt["set"]): readonly Prompt[] {
  const tasks = linesOf(join(folder, `self-instruct_${file}.jsonl.gz`)).map(
    (line): SelfInstructTask => JSON.parse(line),
  );
  return tasks.map(({ instruction, instances }) => {
    const input = instances[0]?.input ?? "";
    return { set, text: input === "" ? instruction : `${instruction}\n\n${input}` };
  });
}

function linesOf(path: string): readonly string[] {
  return gunzipSync(readFileSync(path)).toString("utf8").trim().split("\n");
}
