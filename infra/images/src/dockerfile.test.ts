import { execFileSync } from "node:child_process";
import { existsSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { afterAll, expect, test } from "vitest";
import { root, textOf, withoutDigest } from "./compose.fixture.ts";
import { contextFiles, ignorePatterns } from "./context.ts";
import { type Instruction, parseDockerfile } from "./dockerfile.ts";
import { mainOf, programs } from "./programs.ts";
import { rehearse } from "./rehearse.ts";

interface Manifest {
  readonly workspaces?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const stages = parseDockerfile(textOf("infra/images/Dockerfile"));
const image = stages.at(-1)?.instructions ?? [];
const folders = Object.values(programs);
const temporary = mkdtempSync(join(tmpdir(), "sluice-images-"));
afterAll(() => rmSync(temporary, { recursive: true }));

test("continued lines are one instruction, and comments are ignored", () => {
  const text = "FROM node:1 AS base\n# why\nRUN one && \\\n  two\n\nFROM base AS next\nUSER 7\n";
  expect(parseDockerfile(text)).toEqual([
    { name: "base", from: "node:1", instructions: [{ keyword: "RUN", text: "one && two" }] },
    { name: "next", from: "base", instructions: [{ keyword: "USER", text: "7" }] },
  ]);
  expect(() => parseDockerfile("FROM node:1\n")).toThrow(/does not name its stage/);
  expect(() => parseDockerfile("RUN one\n")).toThrow(/is before the first stage/);
});

test("a pattern that includes a file in the context again is refused", () => {
  expect(() => ignorePatterns("dist\n!dist/kept\n")).toThrow(
    /includes files again, which is not supported: !dist\/kept/,
  );
});

test("the only external base image has the version of Node that this repository installs", () => {
  const external = stages.filter(({ from }) => !stages.some(({ name }) => name === from));
  const installed = Object.values(manifestOf("tools/node").optionalDependencies ?? {});
  expect(installed.length).toBeGreaterThan(0);
  expect(new Set(installed.map((version) => `node:${version}-bookworm-slim`))).toEqual(
    new Set(external.map(({ from }) => withoutDigest(from))),
  );
});

test("the base image is pinned by a whole SHA-256 in addition to its version", () => {
  const external = stages.filter(({ from }) => !stages.some(({ name }) => name === from));
  const pinned = /^node:\d+\.\d+\.\d+-[\w-]+@sha256:[0-9a-f]{64}$/;
  expect(external.length).toBe(1);
  expect(external.filter(({ from }) => !pinned.test(from))).toEqual([]);
});

test("the image's user is given by a number, which is not that of root", () => {
  expect(Number(last("USER").split(":")[0])).toBeGreaterThan(0);
});

test("no secret can become part of the image, because it has no build argument and no variable for one", () => {
  const all = stages.flatMap(({ instructions }) => instructions);
  expect(all.filter(({ keyword }) => keyword === "ARG")).toEqual([]);
  expect(
    all.filter(isOf("ENV")).filter(({ text }) => /key|secret|password|token/i.test(text)),
  ).toEqual([]);
});

test("the build context contains no file that git ignores, so no build output and no generated secret", () => {
  const known = git("ls-files", "--cached", "--others", "--exclude-standard");
  const sent = contextFiles(root);
  expect(sent.length).toBeGreaterThan(300);
  expect(sent.filter((file) => !known.has(file))).toEqual([]);
});

test("the build context contains every source", () => {
  const sent = new Set(contextFiles(root));
  const sources = [...git("ls-files")].filter((file) =>
    /^(?:services|libs|infra)\/.*\.ts$/.test(file),
  );
  expect(sources.filter((file) => existsSync(join(root, file)) && !sent.has(file))).toEqual([]);
});

test("the installation sees npm's settings, the lock file and every manifest, and no source that would invalidate its layer", () => {
  const folder = rehearse(stages, { root, target: temporary, until: "manifests" });
  const found = globSync("**/{.*,*}", { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => posix.join(entry.parentPath.slice(folder.length + 1), entry.name));
  expect(new Set(found)).toEqual(
    new Set([
      ".npmrc",
      "package-lock.json",
      "package.json",
      ...workspaces().map((each) => `${each}/package.json`),
    ]),
  );
});

test("the production installation covers the dependencies of every program, and no development dependency", () => {
  const commands = stages.find(({ name }) => name === "production")?.instructions ?? [];
  const install = commands.find(({ text }) => text.startsWith("npm ci"))?.text ?? "";
  const chosen = [...install.matchAll(/--workspace=(\S+)/g)].map(([, folder = ""]) => folder);
  expect(install).toContain("--omit=dev");
  expect(
    folders.filter((each) => !chosen.some((folder) => `${each}/`.startsWith(`${folder}/`))),
  ).toEqual([]);
  expect(chosen.filter((folder) => !existsSync(join(root, folder)))).toEqual([]);
});

test("every service is a program", () => {
  const services = workspaces().filter((folder) => folder.startsWith("services/"));
  expect(folders.filter((folder) => folder.startsWith("services/")).toSorted()).toEqual(
    services.toSorted(),
  );
});

test("every file that the image runs is an output of its build", () => {
  const command: unknown = JSON.parse(last("ENTRYPOINT"));
  const check: unknown = JSON.parse(/CMD (.*)$/.exec(last("HEALTHCHECK"))?.[1] ?? "");
  const run = [command, check].flat().filter((word) => String(word).endsWith(".js"));
  expect(run).toEqual(["infra/images/dist/main.js", "infra/images/dist/health-main.js"]);
  const unbuilt = [...run, ...folders.map(mainOf)].filter((file) => !isBuilt(String(file)));
  expect(unbuilt).toEqual([]);
});

test("the health check uses the admin port that the image sets and exposes", () => {
  const variables = Object.fromEntries(
    last("ENV")
      .split(" ")
      .map((each) => each.split("=")),
  );
  expect(variables).toMatchObject({ NODE_ENV: "production", SLUICE_ADMIN_HOST: "0.0.0.0" });
  expect(last("EXPOSE").split(" ")).toContain(variables.SLUICE_ADMIN_PORT);
});

/** Returns whether the build of all packages produces this file from a source. */
function isBuilt(file: string): boolean {
  const [folder = "", name = ""] = file.split("/dist/");
  return (
    textOf("tsconfig.solution.json").includes(`"./${folder}/tsconfig.build.json"`) &&
    existsSync(join(root, folder, "src", name.replace(/\.js$/, ".ts")))
  );
}

function last(keyword: string): string {
  return image.findLast(isOf(keyword))?.text ?? "";
}

function isOf(keyword: string): (instruction: Instruction) => boolean {
  return (instruction) => instruction.keyword === keyword;
}

function workspaces(): readonly string[] {
  const patterns = manifestOf(".").workspaces ?? [];
  const excluded = patterns.filter((each) => each.startsWith("!")).map((each) => each.slice(1));
  return patterns
    .filter((each) => !each.startsWith("!"))
    .flatMap((each) => globSync(`${each}/package.json`, { cwd: root }))
    .map((file) => posix.dirname(file))
    .filter((folder) => !excluded.includes(folder));
}

function manifestOf(folder: string): Manifest {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- npm has already read this file
  return JSON.parse(textOf(`${folder}/package.json`)) as Manifest;
}

function git(...args: readonly string[]): ReadonlySet<string> {
  return new Set(execFileSync("git", args, { cwd: root, encoding: "utf8" }).split("\n"));
}
