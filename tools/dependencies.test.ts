import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { imports, packageNameOf, workspaceOf } from "./imports.ts";
import { type Manifest, manifestIn, type Package, packages, read, root } from "./tree.ts";

/**
 * A manifest declares exactly what its package imports. npm places every dependency at the root of the
 * workspace, so a missing entry works here and fails in an image that holds a few packages only.
 */
const workspace = manifestIn("");

/** The root declares the tools of tests once, for all packages. */
const testTools = Object.keys(workspace.devDependencies ?? {});

interface Dependency {
  readonly file: string;
  readonly name: string;
}

test("a package declares every package that its sources import", () => {
  const undeclared = packages.flatMap((owner) => {
    const { dependencies, peerDependencies, devDependencies = {} } = owner.manifest;
    const forProduct = Object.keys({ ...dependencies, ...peerDependencies });
    const forTests = [...forProduct, ...Object.keys(devDependencies), ...testTools];
    return importedBy(owner.folder).filter(({ file, name }) => {
      const allowed = isTest(file) || isForTests(owner) ? forTests : forProduct;
      return !allowed.includes(name);
    });
  });
  expect(undeclared).toEqual([]);
});

test("a package imports every package that it declares", () => {
  const unused = packages.flatMap((owner) => {
    const { dependencies, peerDependencies, devDependencies } = owner.manifest;
    const declared = Object.keys({ ...dependencies, ...peerDependencies, ...devDependencies });
    return unusedAmong(declared, importedBy(owner.folder)).map(
      (name) => `${owner.folder}: ${name}`,
    );
  });
  expect(unused).toEqual([]);
});

test("a dependency that only the tests of a package import is a development dependency", () => {
  const misplaced = packages
    .filter((owner) => !isForTests(owner))
    .flatMap(({ folder, manifest: { dependencies = {} } }) => {
      const shipped = importedBy(folder).filter(({ file }) => !isTest(file));
      return unusedAmong(Object.keys(dependencies), shipped).map((name) => `${folder}: ${name}`);
    });
  expect(misplaced).toEqual([]);
});

test("the root declares every package that its own sources import", () => {
  const own = importedBy("");
  expect(own.length).toBeGreaterThan(5);
  expect(own.filter(({ name }) => !testTools.includes(name))).toEqual([]);
});

test("the root declares only what a source, a configuration or a command uses", () => {
  const everywhere = imports.flatMap(dependencyOf);
  const commands = [
    { ...workspace, devDependencies: {} },
    ...packages.map(({ manifest }) => manifest.scripts),
    read("tools/check.mjs"),
    read(".oxlintrc.json"),
    read("tsconfig.base.json"),
  ];
  const words = new Set(JSON.stringify(commands).match(/@?[\w-]+(?:\/[\w-]+)?/g));
  const isNamed = (name: string): boolean =>
    words.has(name) || binariesOf(name).some((binary) => words.has(binary));
  const unused = unusedAmong(testTools, everywhere).filter((name) => {
    const typed = name.replace(/^@types\//, "");
    return !isNamed(typed) && unusedAmong([typed], everywhere).length > 0;
  });
  expect(unused).toEqual([]);
});

/** The packages that a source imports, with Node's own modules and relative paths left out. */
function dependencyOf({ file, specifier }: (typeof imports)[number]): readonly Dependency[] {
  const name = packageNameOf(specifier);
  return name === undefined ? [] : [{ file, name }];
}

function importedBy(folder: string): readonly Dependency[] {
  return imports.filter(({ file }) => workspaceOf(file) === folder).flatMap(dependencyOf);
}

/** A peer of a declared package counts as used: it is declared for that package. */
function unusedAmong(
  declared: readonly string[],
  imported: readonly Dependency[],
): readonly string[] {
  const used = new Set([...imported.map(({ name }) => name), ...declared.flatMap(peersOf)]);
  return declared.filter((name) => !used.has(name));
}

function peersOf(name: string): readonly string[] {
  return Object.keys(installed(name).peerDependencies ?? {});
}

function binariesOf(name: string): readonly string[] {
  const { bin } = installed(name);
  return typeof bin === "object" && bin !== null ? Object.keys(bin) : [];
}

function installed(name: string): Manifest {
  const folder = join("node_modules", name);
  return existsSync(join(root, folder)) ? manifestIn(folder) : { name };
}

/** Suites and what they are built on never run in production: their sources may use what tests use. */
function isForTests({ manifest }: Package): boolean {
  return ["kind:e2e", "layer:testing"].some((tag) => manifest.nx?.tags?.includes(tag));
}

function isTest(file: string): boolean {
  return /\.(?:test|contract|fixture)\.ts$/.test(file) || file.includes("/test/");
}
