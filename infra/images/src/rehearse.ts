import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { copyContext } from "./context.ts";
import type { Instruction, Stage } from "./dockerfile.ts";

/** The working directory of every stage. A rehearsal uses a folder for each stage in its place. */
const workingDirectory = "/sluice";
/** Instructions that describe the image and change no file. */
const descriptions = new Set(["ENV", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"]);

export interface Rehearsal {
  /** Root of the repository, which is Docker's build context. */
  readonly root: string;
  /** An empty folder. Each stage gets its own folder in it. */
  readonly target: string;
  /** The last stage to run. */
  readonly until: string;
}

/**
 * Runs the stages of a Dockerfile without Docker: with this machine's Node, in one folder for each stage.
 * This shows that each command works and which files the image would contain. It shows nothing about the
 * base image.
 *
 * @returns the folder of the last stage
 * @throws Error for a command that fails, and for an instruction that it does not support
 */
export function rehearse(stages: readonly Stage[], { root, target, until }: Rehearsal): string {
  for (const { name, from, instructions } of stages) {
    const folder = join(target, name);
    mkdirSync(folder, { recursive: true });
    if (stages.some((stage) => stage.name === from)) copyTree(join(target, from), folder);
    for (const instruction of instructions) runInstruction(instruction, { root, target, folder });
    if (name === until) return folder;
  }
  throw new Error(`The Dockerfile has no stage "${until}".`);
}

interface Place {
  readonly root: string;
  readonly target: string;
  readonly folder: string;
}

function runInstruction({ keyword, text }: Instruction, { root, target, folder }: Place): void {
  if (descriptions.has(keyword)) return;
  if (keyword === "WORKDIR" && text === workingDirectory) return;
  if (keyword === "COPY" && text === ". .") return copyContext(root, folder);
  if (keyword === "RUN") return run(text, folder);
  const [, stage, path] = /^--from=(\S+) (\S+) \.$/.exec(text) ?? [];
  if (keyword !== "COPY" || stage === undefined || path === undefined)
    throw new Error(`"${keyword} ${text}" cannot be run without Docker.`);
  copyTree(join(target, stage, relative(workingDirectory, path)), folder);
}

/** Copies links unchanged, because npm links the packages of the workspace by relative paths. */
function copyTree(from: string, to: string): void {
  cpSync(from, to, { recursive: true, verbatimSymlinks: true });
}

function run(command: string, folder: string): void {
  const { status } = spawnSync("sh", ["-ec", command], { cwd: folder, stdio: "inherit" });
  if (status !== 0) throw new Error(`"${command}" failed with exit status ${status}.`);
}
