export interface Instruction {
  readonly keyword: string;
  /** What follows the keyword, in one line. */
  readonly text: string;
}

export interface Stage {
  readonly name: string;
  /** Another stage, or an image. */
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

/**
 * A Dockerfile as far as ours goes: named stages, no heredocs.
 *
 * @throws Error for a stage without a name, or an instruction before the first stage.
 */
export function parseDockerfile(text: string): readonly Stage[] {
  const stages: (Stage & { readonly instructions: Instruction[] })[] = [];
  const lines = text.replaceAll(/^#.*\n/gm, "").replaceAll(/\\\n\s*/g, "");
  for (const line of lines.split("\n").filter((each) => each.trim() !== "")) {
    const [, keyword = "", rest = ""] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    if (keyword === "FROM") {
      const [, from, name] = /^(\S+) AS (\S+)$/.exec(rest) ?? [];
      if (from === undefined || name === undefined) throw new Error(`"${line}" names no stage.`);
      stages.push({ name, from, instructions: [] });
    } else {
      const stage = stages.at(-1);
      if (!stage) throw new Error(`"${line}" stands before the first stage.`);
      stage.instructions.push({ keyword, text: rest });
    }
  }
  return stages;
}
