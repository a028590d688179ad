import { readFileSync } from "node:fs";

/** One row of a table in docs/reference/openai.md, with its cells by heading. */
export type Row = Readonly<Record<string, string>>;

const reference = new URL("../../docs/reference/openai.md", import.meta.url);

/** Returns the rows of the first table under a heading. @throws if there is none, because nothing would be tested */
export function rowsUnder(heading: string): readonly Row[] {
  const lines = readFileSync(reference, "utf8").split("\n");
  const section = lines.slice(lines.indexOf(`## ${heading}`) + 1);
  const table = section.slice(section.findIndex(isOfTable));
  const end = table.findIndex((line) => !isOfTable(line));
  const [head, , ...rows] = table.slice(0, end).map(cellsOf);
  if (!head || rows.length === 0) throw new Error(`There is no table under "${heading}".`);
  return rows.map((cells) => Object.fromEntries(head.map((name, at) => [name, cells[at] ?? ""])));
}

function isOfTable(line: string): boolean {
  return line.startsWith("|");
}

function cellsOf(line: string): readonly string[] {
  const cells = line.split("|").slice(1, -1);
  return cells.map((cell) => cell.trim().replaceAll("`", ""));
}

/** Returns the parameters of a chat completion for which the official client has types. */
export function parametersOfOpenAi(): readonly string[] {
  return membersOf("ChatCompletionCreateParamsBase", "resources/chat/completions/completions.d.ts");
}

/** Returns the parameters of an embeddings request for which the official client has types. */
export function embeddingParametersOfOpenAi(): readonly string[] {
  return membersOf("EmbeddingCreateParams", "resources/embeddings.d.ts");
}

function membersOf(name: string, path: string): readonly string[] {
  const types = readFileSync(new URL(path, import.meta.resolve("openai")), "utf8");
  const [, body = ""] = new RegExp(`interface ${name} \\{\\n(.*?)\\n\\}`, "s").exec(types) ?? [];
  return [...body.matchAll(/^ {4}(\w+)\??:/gm)].map(([, member = ""]) => member);
}
