import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { print, printJson } from "../output.ts";
import { scriptOf } from "./scripts.ts";
import { wordsOf } from "./words.ts";

/** Runs `sluice completion`, which prints a script that is generated from the same definitions as help. */
export async function completion(
  program: CommandUnknownOpts,
  shell: "bash" | "zsh" | "fish",
  json: boolean,
): Promise<number> {
  const script = scriptOf[shell](wordsOf(program));
  if (json) printJson({ shell, script });
  else print(script);
  return 0;
}
