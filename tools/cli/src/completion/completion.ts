import { print, printJson } from "../output.ts";
import { sluiceProgram } from "../program.ts";
import { scriptOf } from "./scripts.ts";
import { wordsOf } from "./words.ts";

/** `sluice completion`: made from the same definitions as help. */
export async function completion(shell: "bash" | "zsh" | "fish", json: boolean): Promise<number> {
  const script = scriptOf[shell](wordsOf(sluiceProgram()));
  if (json) printJson({ shell, script });
  else print(script);
  return 0;
}
