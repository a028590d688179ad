import { readFileSync } from "node:fs";

export type Transport = "http" | "kafka";

export interface DemoPrompt {
  readonly prompt: string;
  readonly transport: Transport;
}

/** What is asked first, and what is asked again once that is answered: a repeat sent earlier would be a miss. */
export interface Passes {
  readonly first: readonly DemoPrompt[];
  readonly repeats: readonly DemoPrompt[];
}

/**
 * Both passes go through HTTP and Kafka in turn, so that exact hits are seen at
 * the edge (HTTP) and in cache-lookup (Kafka).
 */
export function passesOf(prompts: readonly string[]): Passes {
  const seen = new Set<string>();
  const first: DemoPrompt[] = [];
  const repeats: DemoPrompt[] = [];
  for (const prompt of prompts) {
    const pass = seen.has(prompt) ? repeats : first;
    seen.add(prompt);
    pass.push({ prompt, transport: pass.length % 2 === 0 ? "http" : "kafka" });
  }
  return { first, repeats };
}

/** @param path of a file with one JSON object per line, each with a `prompt`. */
export function readPrompts(path: string): readonly string[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => promptOf(JSON.parse(line)));
}

function promptOf(value: unknown): string {
  if (typeof value === "object" && value !== null && "prompt" in value)
    if (typeof value.prompt === "string") return value.prompt;
  throw new Error("a line of the prompts' file has no text under 'prompt'");
}
