import { join, resolve } from "node:path";
import { type CommandUnknownOpts, InvalidArgumentError, Option } from "@commander-js/extra-typings";

/** Receives the exit code of a command when the command ends. */
export type Finish = (exitCode: number) => void;

/**
 * Defines a command: its name, its options and their defaults. Help, completion and
 * docs/reference/cli.md are generated from these definitions. The code that runs a command is
 * imported only when the command runs, so that help stays fast.
 */
export type Definition = (finish: Finish) => CommandUnknownOpts;

const repositoryRoot = resolve(import.meta.dirname, "..", "..", "..", "..");

/** The option for the state directory of a local stack. */
export function dataDirOption() {
  return new Option("--data-dir <folder>", "state directory")
    .env("SLUICE_DATA_DIR")
    .default(join(repositoryRoot, ".sluice"), "SLUICE_DATA_DIR, else .sluice")
    .argParser((folder: string) => resolve(folder));
}

/** The option for machine-readable output. @param content what the JSON contains, for the help text */
export function jsonOption(content: string) {
  return new Option("--json", `print JSON: ${content}`).default(false);
}

/** A switch, which is off by default. */
export function switchOption<const Flags extends string>(flags: Flags, description: string) {
  return new Option(flags, description).default(false);
}

/** Returns an argument parser for whole numbers from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
  };
}
