import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

interface Manifest {
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Frameworks of the services, which a user of the client must not have to install. */
const frameworks = /^(?:@nestjs\/.*|pino|prom-client|reflect-metadata|rxjs)$/;

test("the client loads no framework of the services", () => {
  const external = [...externalsReachedFrom(join(import.meta.dirname, "index.ts"))];
  expect(external).toEqual(expect.arrayContaining(["kafkajs", "avsc"]));
  expect(external.filter((name) => frameworks.test(name))).toEqual([]);
});

/** Returns the packages outside this repository that the sources reached from `entry` load. */
function externalsReachedFrom(entry: string): ReadonlySet<string> {
  const seen = new Set<string>();
  const external = new Set<string>();
  const waiting = [entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const specifier of loadedBy(file)) {
      if (specifier.startsWith("node:")) continue;
      if (specifier.startsWith(".")) waiting.push(join(dirname(file), specifier));
      else if (specifier.startsWith("@sluice/")) waiting.push(sourceOf(specifier));
      else external.add(packageOf(specifier));
    }
  }
  return external;
}

/** Returns what a source loads at run time. Type-only imports and exports are erased. */
function loadedBy(file: string): readonly string[] {
  const text = readFileSync(file, "utf8");
  const statements = text.matchAll(/^(?:import|export)\s(?!type\s)[^;]*?from\s+"([^"]+)"/gms);
  const bare = text.matchAll(/^import\s+"([^"]+)"/gm);
  const calls = text.matchAll(/\b(?:import|load|require)\(\s*"([^"]+)"/g);
  return [...statements, ...bare, ...calls].map(([, specifier = ""]) => specifier);
}

function sourceOf(specifier: string): string {
  const [scope = "", name = "", ...subpath] = specifier.split("/");
  const folder = join(import.meta.dirname, "../../../node_modules", scope, name);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the resolver reads the same file
  const { exports } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  return join(folder, exports[[".", ...subpath].join("/")]?.["@sluice/source"] ?? "");
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
