import { join, resolve } from "node:path";
import { type CommandUnknownOpts, InvalidArgumentError, Option } from "@commander-js/extra-typings";

/** Told the exit code of a command that has come to its end. */
export type Finish = (exitCode: number) => void;

/**
 * A command as the command line knows it: its name, options and their defaults, from which help,
 * completion and docs/reference/cli.md are made. What it does is imported when it is asked for.
 */
export type Definition = (finish: Finish) => CommandUnknownOpts;

export const exitCodes = `Exit codes: 0 done, 1 failed or not ready, 2 wrong use, 130 interrupted.`;

/** Stands in a help text where no default is a value that could be given. */
const repositoryRoot = resolve(import.meta.dirname, "..", "..", "..", "..");

export function dataDirOption() {
  return new Option("--data-dir <folder>", "state folder")
    .env("SLUICE_DATA_DIR")
    .default(join(repositoryRoot, ".sluice"), "SLUICE_DATA_DIR, else .sluice")
    .argParser((folder: string) => resolve(folder));
}

export function jsonOption(what: string) {
  return new Option("--json", `for programs: ${what}`).default(false);
}

/** A switch that is off unless it is given. */
export function switchOption<const Flags extends string>(flags: Flags, what: string) {
  return new Option(flags, what).default(false);
}

/** An argument parser for a whole number within a range. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It is a whole number from ${min} to ${max}.`);
  };
}
