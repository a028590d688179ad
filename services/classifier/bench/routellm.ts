import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { rowsOf } from "./csv.ts";

/** A question of RouteLLM's evaluation, and whether each model answered it correctly. */
export interface Question {
  readonly domain: string;
  readonly text: string;
  readonly isWeakRight: boolean;
  readonly isStrongRight: boolean;
}

/**
 * Returns MMLU or GSM8K without the contaminated prompts. The sources are in SOURCE.txt in
 * `<data>/routellm`.
 */
export function readQuestions(data: string, bench: "mmlu" | "gsm8k"): readonly Question[] {
  const folder = join(data, "routellm");
  const file = bench === "mmlu" ? "mmlu_all.csv.gz" : "gsm8k_responses.csv.gz";
  const rows = rowsOf(gunzipSync(readFileSync(join(folder, file))).toString("utf8"));
  const contaminated = contaminatedOf(join(folder, `${bench}_contaminated_prompts.jsonl`));
  return rows
    .filter(({ prompt = "" }) => !contaminated.has(prompt))
    .map((row) => ({
      domain: row["domain"] ?? bench,
      text: row["prompt"] ?? "",
      isWeakRight: isTrue(row, "mixtral"),
      isStrongRight: isTrue(row, "gpt-4"),
    }));
}

function isTrue(row: Readonly<Record<string, string>>, model: string): boolean {
  const column = Object.keys(row).find(
    (name) => name.toLowerCase().includes(model) && !name.endsWith("_response"),
  );
  if (column === undefined)
    throw new Error(
      `The file has no column for the model '${model}'. Check that it is RouteLLM's file.`,
    );
  return row[column]?.toLowerCase() === "true";
}

function contaminatedOf(path: string): ReadonlySet<string> {
  const lines = readFileSync(path, "utf8").trim().split("\n");
  return new Set(
    lines.map((line) => {
      const { eval_prompt: prompt }: { readonly eval_prompt: string } = JSON.parse(line);
      return prompt;
    }),
  );
}
