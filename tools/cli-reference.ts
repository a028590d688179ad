import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./tree.ts";

// `npm run docs:reference` runs this file. It writes the command line's reference from the definitions.
export const reference = "docs/reference/cli.md";

interface Argument {
  readonly description: string;
  name(): string;
}

interface Option {
  readonly flags: string;
  readonly description: string;
  readonly defaultValueDescription?: string;
}

interface Command {
  readonly commands: readonly Command[];
  readonly options: readonly Option[];
  readonly registeredArguments: readonly Argument[];
  name(): string;
  usage(): string;
  description(): string;
  /** Commander's event for text after the help; its listeners write that text. */
  emit(event: "afterHelp", context: { readonly write: (text: string) => void }): boolean;
}

const preface = `# Command line

Run \`npx sluice <command>\` in a clone of the repository. \`npm run docs:reference\` generates this page
from the definitions of the commands, and \`sluice help <command>\` shows the same text.

| exit code | meaning                                                                            |
| --------- | ---------------------------------------------------------------------------------- |
| 0         | done                                                                               |
| 1         | failed, not ready, or not every prompt was answered; a message gives the reason     |
| 2         | a command, an option, a line of a file or the environment is wrong; nothing was done |
| 130       | interrupted by Ctrl-C before the end                                                |

Only results go to standard output; progress, summaries and errors go to standard error. With \`--json\`,
money and 64-bit numbers are decimal strings, and times are RFC 3339 in UTC. Colours appear only on a
terminal, and not with \`NO_COLOR\`.
`;

/** Returns the whole page, not yet formatted. */
export async function cliReference(): Promise<string> {
  const program = await programOf(join(root, "tools/cli/src/program.ts"));
  return [preface, ...sectionsOf(program, "sluice")].join("\n");
}

/** Imports the program by a computed path, because no file here may depend on a package. */
async function programOf(path: string): Promise<Command> {
  const exported: { readonly sluiceProgram: () => Command } = await import(path);
  return exported.sluiceProgram();
}

function sectionsOf(parent: Command, path: string): readonly string[] {
  return parent.commands.flatMap((command) => {
    const name = `${path} ${command.name()}`;
    return [`## ${name}`, "", ...sectionOf(command, name), ...sectionsOf(command, name)];
  });
}

function sectionOf(command: Command, name: string): readonly string[] {
  const rows = [
    ...command.registeredArguments.map((argument) => [argument.name(), argument.description, ""]),
    ...command.options.map(({ flags, description, defaultValueDescription: value }) => [
      flags,
      description,
      value ?? (/[<[]/.test(flags) ? "none" : "off"),
    ]),
  ];
  const table = rows.map(
    ([flags = "", meaning = "", value = ""]) => `| \`${flags}\` | ${escaped(meaning)} | ${value} |`,
  );
  const notes: string[] = [];
  command.emit("afterHelp", { write: (text) => notes.push(text.trim()) });
  return [
    `\`${name} ${command.usage()}\``,
    "",
    command.description().replaceAll("\n", " "),
    "",
    ...(table.length === 0
      ? []
      : ["| option | meaning | default |", "| --- | --- | --- |", ...table, ""]),
    ...notes.flatMap((note) => ["```text", note, "```", ""]),
  ];
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "\\<");
}

if (import.meta.main) writeFileSync(join(root, reference), await cliReference());
