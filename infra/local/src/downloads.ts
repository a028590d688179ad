import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { cacheRootOf, committedFile, makeWritable } from "./directories.ts";
import { StackFault, throwIfInterrupted } from "./faults.ts";
import { withLock } from "./supervise/lock.ts";
import { type Report, secondsSince } from "./supervise/program.ts";
import { run } from "./supervise/run.ts";

/** A download. Each component is an execution in pom.xml and a folder in the cache. */
export type Component = "kafka" | "registry" | "registry-socket" | "redis" | "postgres";

const goals: Readonly<Record<Component, string>> = {
  kafka: "copy-dependencies",
  registry: "unpack",
  "registry-socket": "copy",
  redis: "unpack",
  postgres: "unpack",
};

/** Size of each download in megabytes, for the progress line only. */
const sizesMb: Readonly<Record<Component, number>> = {
  kafka: 45,
  registry: 142,
  "registry-socket": 1,
  redis: 11,
  postgres: 15,
};

const MAVEN_VERSION_MIN = [3, 8] as const;
/** The names of the architectures for which PostgreSQL's binaries are published (`io.zonky.test.postgres`). */
const architectures: Partial<Record<NodeJS.Architecture, string>> = {
  x64: "amd64",
  arm64: "arm64v8",
};

/**
 * Returns the platform, for example `linux-amd64`, or undefined if no binaries of PostgreSQL are published
 * for it.
 */
export function postgresPlatform(): string | undefined {
  const architecture = architectures[process.arch];
  const isCovered = process.platform === "linux" || process.platform === "darwin";
  return isCovered && architecture !== undefined
    ? `${process.platform}-${architecture}`
    : undefined;
}

/**
 * Fetches the servers with Maven into a cache folder for each version of pom.xml. Each component's
 * folder is created by one rename, so that it is either complete or absent if a launcher is killed.
 * A lock prevents two launchers from fetching the same component twice.
 */
export class Downloads {
  readonly root: string;
  private readonly environment: NodeJS.ProcessEnv;
  private readonly report: Report;

  constructor(environment: NodeJS.ProcessEnv, report: Report) {
    const platform = `${process.platform}-${process.arch}`;
    const hash = createHash("sha256").update(readFileSync(committedFile("pom.xml")));
    const version = hash.update(platform).digest("hex").slice(0, 12);
    this.root = join(cacheRootOf(environment), `local-stack-${version}`);
    this.environment = environment;
    this.report = report;
  }

  /** Returns the folder of a component, whether it exists yet or not. */
  folderOf(component: Component): string {
    return join(this.root, component);
  }

  /**
   * Fetches the components that are missing.
   *
   * @throws StackFault `STACK_MAVEN_MISSING`, `STACK_DOWNLOAD_FAILED`, `STACK_DIRECTORY_UNWRITABLE` or `STACK_INTERRUPTED`
   */
  async ensure(components: readonly Component[], signal: AbortSignal): Promise<void> {
    if (this.missing(components).length === 0) return;
    makeWritable(this.root, "set SLUICE_CACHE_DIR to a directory you can write to");
    await withLock(join(this.root, "lock"), signal, async () => {
      const missing = this.missing(components);
      if (missing.length > 0) await this.fetch(missing, signal);
    });
  }

  private missing(components: readonly Component[]): Component[] {
    return components.filter((component) => !existsSync(this.folderOf(component)));
  }

  private async fetch(components: readonly Component[], signal: AbortSignal): Promise<void> {
    const start = Date.now();
    await this.assertMaven(signal);
    const size = components.reduce((sum, component) => sum + sizesMb[component], 0);
    this.report(
      "downloads",
      `fetching ${components.join(", ")} with Maven, about ${size} MB; later starts use the cache`,
    );

    const draft = join(this.root, `draft-${randomBytes(4).toString("hex")}`);
    try {
      const { status, output } = await run("mvn", this.mavenArguments(components, draft), {
        environment: this.environment,
        signal,
      });
      throwIfInterrupted(signal);
      if (status !== 0) throw downloadFailed(output);
      for (const component of components) {
        makeExecutable(join(draft, component), component);
        renameSync(join(draft, component), this.folderOf(component));
      }
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
    this.report("downloads", `done after ${secondsSince(start)}, stored in ${this.root}`);
  }

  private mavenArguments(components: readonly Component[], draft: string): string[] {
    mkdirSync(draft);
    return [
      "--batch-mode",
      "--quiet",
      "--no-transfer-progress",
      "--file",
      committedFile("pom.xml"),
      `-Dstack.dir=${draft}`,
      `-Dpostgres.platform=${postgresPlatform() ?? ""}`,
      ...socketLibraryArguments(),
      ...components.map((component) => `dependency:${goals[component]}@${component}`),
    ];
  }

  private async assertMaven(signal: AbortSignal): Promise<void> {
    const { status, output } = await run("mvn", ["--version"], {
      environment: this.environment,
      signal,
    });
    throwIfInterrupted(signal);
    if (status === 0 && isRecentMaven(output)) return;
    throw new StackFault(
      "STACK_MAVEN_MISSING",
      `The first start downloads the servers with Maven ${MAVEN_VERSION_MIN.join(".")} or later, but "mvn --version" does not report such a version. Install Maven, or set SLUICE_KAFKA_BROKERS, SLUICE_REGISTRY_URL, SLUICE_REDIS_URL and SLUICE_LEDGER_URL to running servers.`,
    );
  }
}

/** Returns Maven's names for the libraries of Netty that use Unix domain sockets on this platform. */
function socketLibraryArguments(): readonly string[] {
  const isMac = process.platform === "darwin";
  const architecture = process.arch === "arm64" ? "aarch_64" : "x86_64";
  return [
    `-Dsocket.transport=${isMac ? "kqueue" : "epoll"}`,
    `-Dsocket.platform=${isMac ? "osx" : "linux"}-${architecture}`,
  ];
}

/** Returns whether the text names a recent Maven, for example `Apache Maven 3.8.7`. Colour codes may surround it. */
export function isRecentMaven(versionText: string): boolean {
  const [, major = "0", minor = "0"] = /Apache Maven (\d+)\.(\d+)/.exec(versionText) ?? [];
  const [majorMin, minorMin] = MAVEN_VERSION_MIN;
  return Number(major) > majorMin || (Number(major) === majorMin && Number(minor) >= minorMin);
}

function makeExecutable(folder: string, component: Component): void {
  if (component !== "redis") return;
  for (const file of readdirSync(folder)) chmodSync(join(folder, file), 0o755);
}

function downloadFailed(output: string): StackFault {
  const lines = output.split("\n").filter((line) => line.includes("ERROR"));
  return new StackFault(
    "STACK_DOWNLOAD_FAILED",
    `Maven could not download the servers of the local stack. Check the network connection (and ~/.m2/settings.xml if you use a proxy), then start again.\n${lines.slice(0, 5).join("\n")}`,
  );
}
