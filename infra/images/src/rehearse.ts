import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { copyContext } from "./context.ts";
import type { Instruction, Stage } from "./dockerfile.ts";

/** Every stage works here; in a rehearsal its own folder stands for it. */
const workingDirectory = "/sluice";
/** They describe the image and change no file. */
const descriptions = new Set(["ENV", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"]);

export interface Rehearsal {
  /** Root of the repository: what Docker calls the context. */
  readonly root: string;
  /** Empty; each stage gets a folder in it. */
  readonly target: string;
  /** The last stage to carry out. */
  readonly until: string;
}

/**
 * Carries out a Dockerfile's stages with this machine's own Node in folders, one per stage. It shows
 * that each command works and what the image's tree would hold; of the base image it shows nothing.
 *
 * @returns the folder of the last stage.
 * @throws Error for a command that fails, and for an instruction it does not know.
 */
export function rehearse(stages: readonly Stage[], { root, target, until }: Rehearsal): string {
  for (const { name, from, instructions } of stages) {
    const folder = join(target, name);
    mkdirSync(folder, { recursive: true });
    if (stages.some((stage) => stage.name === from)) copyTree(join(target, from), folder);
    for (const instruction of instructions) carryOut(instruction, { root, target, folder });
    if (name === until) return folder;
  }
  throw new Error(`There is no stage "${until}".`);
}

interface Place {
  readonly root: string;
  readonly target: string;
  readonly folder: string;
}

function carryOut({ keyword, text }: Instruction, { root, target, folder }: Place): void {
  if (descriptions.has(keyword)) return;
  if (keyword === "WORKDIR" && text === workingDirectory) return;
  if (keyword === "COPY" && text === ". .") return copyContext(root, folder);
  if (keyword === "RUN") return run(text, folder);
  const [, stage, path] = /^--from=(\S+) (\S+) \.$/.exec(text) ?? [];
  if (keyword !== "COPY" || stage === undefined || path === undefined)
    throw new Error(`"${keyword} ${text}" cannot be rehearsed.`);
  copyTree(join(target, stage, relative(workingDirectory, path)), folder);
}

/** Links as they are: npm's point from one package of ours to another by relative paths. */
function copyTree(from: string, to: string): void {
  cpSync(from, to, { recursive: true, verbatimSymlinks: true });
}

function run(command: string, folder: string): void {
  const { status } = spawnSync("sh", ["-ec", command], { cwd: folder, stdio: "inherit" });
  if (status !== 0) throw new Error(`"${command}" ended with ${status}.`);
}
