/** One instruction of a Dockerfile. */
export interface Instruction {
  readonly keyword: string;
  /** The rest of the instruction after the keyword, in one line. */
  readonly text: string;
}

/** One build stage. */
export interface Stage {
  readonly name: string;
  /** The name of another stage, or an image. */
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

/**
 * Parses a Dockerfile with named stages and without heredocs.
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
      if (from === undefined || name === undefined)
        throw new Error(`"${line}" does not name its stage.`);
      stages.push({ name, from, instructions: [] });
    } else {
      const stage = stages.at(-1);
      if (!stage) throw new Error(`"${line}" is before the first stage.`);
      stage.instructions.push({ keyword, text: rest });
    }
  }
  return stages;
}
