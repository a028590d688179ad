import { join, resolve } from "node:path";
import { parseArgs, type ParseArgsConfig } from "node:util";
import { repositoryRoot } from "@sluice/local-stack";
import { UsageError } from "./usage-error.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;

export const dataDirOption = { "data-dir": { type: "string" } } as const satisfies Options;

/** @throws UsageError for what is not an option of the command. */
export function parseOptions<const Known extends Options>(args: readonly string[], options: Known) {
  try {
    return parseArgs({ args: [...args], options, allowNegative: true }).values;
  } catch (cause) {
    const [reason = ""] = (cause instanceof Error ? cause.message : String(cause)).split(". ");
    throw new UsageError(`${reason}.`, { cause });
  }
}

export function dataDirOf(values: { readonly "data-dir"?: string | undefined }): string {
  return resolve(values["data-dir"] ?? join(repositoryRoot, ".sluice"));
}
