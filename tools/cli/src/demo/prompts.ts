import { readFileSync } from "node:fs";

export type Transport = "http" | "kafka";

export interface DemoPrompt {
  readonly prompt: string;
  readonly transport: Transport;
}

/** Repeats are sent after the first pass is answered, because a repeat that is sent earlier would be a miss. */
export interface Passes {
  readonly first: readonly DemoPrompt[];
  readonly repeats: readonly DemoPrompt[];
}

/**
 * Divides prompts into two passes. Both alternate between HTTP and Kafka, so that the demo shows exact
 * hits of ingress (HTTP) and of cache-lookup (Kafka).
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

/** Reads a file with one JSON object per line, each with a `prompt`. @throws if a line has none */
export function readPrompts(path: string): readonly string[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => promptOf(JSON.parse(line)));
}

function promptOf(value: unknown): string {
  if (typeof value === "object" && value !== null && "prompt" in value)
    if (typeof value.prompt === "string") return value.prompt;
  throw new Error('A line of the prompts file has no text in "prompt".');
}
