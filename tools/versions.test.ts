import { expect, test } from "vitest";
import { type Manifest, manifestIn, packages, read } from "./tree.ts";

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly version?: string }>>;
}

interface Declared {
  readonly folder: string;
  readonly name: string;
  readonly version: string;
}

const manifests = ["", ...packages.map(({ folder }) => folder), "tools/node"].map((folder) => ({
  folder,
  manifest: manifestIn(folder),
}));
const siblings = new Set(packages.map(({ manifest }) => manifest.name));
const declared = manifests.flatMap(({ folder, manifest }) => declaredIn(folder, manifest));
const foreign = declared.filter(({ name }) => !siblings.has(name));

/** `1.2.3`, `1.2.3-r.4`, or the same behind an alias: `npm:name@1.2.3`. */
const exact = /^(?:npm:(?:@[\w.-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(?:-[\w.]+)?$/;

test("a dependency is declared with an exact version, and a package of the workspace with *", () => {
  expect(foreign.length).toBeGreaterThan(50);
  expect(foreign.filter(({ version }) => !exact.test(version))).toEqual([]);
  const ours = declared.filter(({ name }) => siblings.has(name));
  expect(ours.filter(({ version }) => version !== "*")).toEqual([]);
});

test("a dependency has the same version in every manifest", () => {
  expect(severalAmong(foreign)).toEqual([]);
});

test("the Nest packages that services run on share one version", () => {
  const nest = declared.filter(
    // Releases of Nest's test module are rarer than Nest's own: it names Nest as a peer by its major version.
    ({ name }) => name.startsWith("@nestjs/") && name !== "@nestjs/testing",
  );
  expect(new Set(nest.map(({ version }) => version)).size).toBe(1);
});

test("no package of the workspace has its own copy of a dependency", () => {
  const places = Object.keys(lockFile().packages);
  expect(places.length).toBeGreaterThan(300);
  expect(places.filter((place) => /^(?!node_modules\/).*\/node_modules\//.test(place))).toEqual([]);
});

test("every package has the version of the latest release in the changelog", () => {
  const [, released] = /^## \[(\d+\.\d+\.\d+)\]/m.exec(read("CHANGELOG.md")) ?? [];
  const versioned = manifests.filter(({ folder }) => folder !== "tools/node");
  const others = versioned.filter(({ manifest }) => manifest.version !== released);
  expect(released).toBeDefined();
  expect(others.map(({ folder }) => folder)).toEqual([]);
  const locked = versioned.map(({ folder }) => lockFile().packages[folder]?.version);
  expect(new Set(locked)).toEqual(new Set([released]));
});

function declaredIn(folder: string, manifest: Manifest): readonly Declared[] {
  const { dependencies, devDependencies, optionalDependencies, peerDependencies } = manifest;
  const all = { ...dependencies, ...peerDependencies, ...devDependencies, ...optionalDependencies };
  return Object.entries(all).map(([name, version]) => ({ folder, name, version }));
}

function severalAmong(all: readonly Declared[]): readonly string[] {
  const versionsOf = new Map<string, Set<string>>();
  for (const { name, version } of all)
    versionsOf.set(name, (versionsOf.get(name) ?? new Set()).add(version));
  return [...versionsOf].flatMap(([name, versions]) =>
    versions.size > 1 ? [`${name}: ${[...versions].join(", ")}`] : [],
  );
}

function lockFile(): LockFile {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- npm has written it
  return JSON.parse(read("package-lock.json")) as LockFile;
}
