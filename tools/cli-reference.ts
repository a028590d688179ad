import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./tree.ts";

// Run by `npm run docs:reference`: writes what the command line says of itself.
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
  /** The text behind a help is the listener's of this event. */
  emit(event: "afterHelp", context: { readonly write: (text: string) => void }): boolean;
}

const preface = `# Command line

\`npx sluice <command>\`, in a clone of the repository. This page is generated from the commands' own
definitions by \`npm run docs:reference\`; \`sluice help <command>\` says the same.

| exit code | meaning                                                                            |
| --------- | ---------------------------------------------------------------------------------- |
| 0         | done                                                                               |
| 1         | failed, not ready, or not every prompt was answered; a sentence says why           |
| 2         | wrong use: a command, an option, a file's line or the environment; nothing was done |
| 130       | interrupted by Ctrl-C before it was done                                           |

Standard output has what was asked for and nothing else; progress, summaries and errors go to standard
error. With \`--json\` money and 64-bit numbers are decimal strings, times RFC 3339 in UTC. Colours appear
on a terminal alone, and not with \`NO_COLOR\`.
`;

/** The whole page, not yet formatted. */
export async function cliReference(): Promise<string> {
  const program = await programOf(join(root, "tools/cli/src/program.ts"));
  return [preface, ...sectionsOf(program, "sluice")].join("\n");
}

/** By a path that is made here, as the rest of the workspace's tools ask packages for what they say. */
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
