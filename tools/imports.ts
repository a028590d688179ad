import { posix } from "node:path";
import ts from "typescript";
import { type Package, packages, read, sources } from "./tree.ts";

/** One import of one file. Type-only imports, re-exports and `import(…)` count like any other. */
export interface Import {
  readonly file: string;
  /** As written: a relative path, a package, `node:…`. */
  readonly specifier: string;
}

/** Every import of every source, tests included. */
export const imports: readonly Import[] = sources.flatMap((file) =>
  ts
    .preProcessFile(read(file), true, true)
    .importedFiles.map(({ fileName: specifier }) => ({ file, specifier })),
);

/** Returns the package that a specifier names; undefined for a relative path or a module of Node. */
export function packageNameOf(specifier: string): string | undefined {
  if (specifier.startsWith(".") || specifier.startsWith("node:")) return undefined;
  const parts = specifier.split("/");
  return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

/** Returns the source that an import leads to; undefined for a dependency. */
export function targetOf({ file, specifier }: Import): string | undefined {
  if (specifier.startsWith(".")) return posix.join(posix.dirname(file), specifier);
  const name = packageNameOf(specifier);
  const sibling = packages.find(({ manifest }) => manifest.name === name);
  return sibling && exportOf(sibling, specifier);
}

/** Returns the folder of the workspace that a file belongs to; the empty string for the root's own. */
export function workspaceOf(file: string): string {
  return packages.find(({ folder }) => file.startsWith(`${folder}/`))?.folder ?? "";
}

/** Under the condition with which tests and the development server resolve packages. */
function exportOf({ folder, manifest }: Package, specifier: string): string | undefined {
  const entry = `.${specifier.slice(manifest.name.length)}`;
  const found = manifest.exports?.[entry]?.["@sluice/source"];
  return found === undefined ? undefined : posix.join(folder, found);
}
