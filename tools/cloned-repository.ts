import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findFreePorts, guardDataDir, removeDataDir, stopLeftovers } from "@sluice/local-stack";
import { root } from "./tree.ts";

/** Of the programs that `npm start` starts beside the parts, with the port that documents name. */
const ports = {
  SLUICE_HTTP_PORT: 8080,
  SLUICE_SIMULATOR_PORT: 19097,
  SLUICE_INGRESS_ADMIN_PORT: 19100,
  SLUICE_CACHE_LOOKUP_ADMIN_PORT: 19101,
  SLUICE_CLASSIFIER_ADMIN_PORT: 19102,
  SLUICE_DISPATCHER_ADMIN_PORT: 19103,
  SLUICE_INFERENCE_ADAPTER_ADMIN_PORT: 19104,
  SLUICE_COST_ACCOUNTANT_ADMIN_PORT: 19105,
} as const;

const startLimitMs = 60_000;
const stopLimitMs = 15_000;
const blockLimitMs = 60_000;

/** However this process ends, its end of the pipe closes, and what it started stops. */
const startWhileInputIsOpen = "npm start & pid=$!; cat >/dev/null; kill -TERM $pid; wait $pid";

interface BlockResult {
  readonly code: number | null;
  readonly output: string;
}

/**
 * Somebody who has cloned the repository and does what the documents say, word for word. The clone is a
 * folder of links, so that what the commands write does not land in the repository; that a stack of the
 * developer's may hold the usual ports is hidden by variables that the commands honour anyway, and from
 * curl by a .curlrc. Kafka, registry, Redis and PostgreSQL are those that the environment names.
 */
export class ClonedRepository {
  private started: ChildProcess | undefined;
  private startOutput = "";

  private constructor(
    private readonly folder: string,
    private readonly environment: NodeJS.ProcessEnv,
    private readonly dismissGuard: () => void,
  ) {}

  static async create(): Promise<ClonedRepository> {
    const folder = mkdtempSync(join(tmpdir(), "sluice-clone-"));
    const clone = join(folder, "clone");
    const home = join(folder, "home");
    for (const made of [clone, home]) mkdirSync(made);
    const entries = readdirSync(root).filter((name) => name !== ".git" && name !== ".sluice");
    for (const name of entries) symlinkSync(join(root, name), join(clone, name));

    const free = await findFreePorts(Object.keys(ports).length);
    const chosen = Object.entries(ports).map(
      ([name, usual], index) => ({ name, usual, port: free[index] ?? 0 }) as const,
    );
    const rules = chosen.map(
      ({ usual, port }) => `connect-to = "127.0.0.1:${usual}:127.0.0.1:${port}"\n`,
    );
    writeFileSync(join(home, ".curlrc"), rules.join(""));
    // The state folder holds the clone, and not the other way round: its guard removes all of it.
    symlinkSync(folder, join(clone, ".sluice"));
    const guard = guardDataDir(folder);
    return new ClonedRepository(
      folder,
      {
        ...withoutOwnSettings(process.env),
        ...Object.fromEntries(chosen.map(({ name, port }) => [name, String(port)])),
        SLUICE_DATA_DIR: folder,
        SLUICE_BASE_URL: `http://127.0.0.1:${free[0]}/v1`,
        SLUICE_KAFKA_TOPIC_PREFIX: `clone${process.pid}.`,
        SLUICE_SIMULATOR_SPEED: "10",
        CURL_HOME: home,
      },
      () => guard.dismiss(),
    );
  }

  /** `npm start`, in a terminal of its own. @returns what it printed until it was ready */
  async startStack(): Promise<string> {
    const child = this.spawn("sh", ["-c", startWhileInputIsOpen]);
    this.started = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => (this.startOutput += text));
    if (!(await this.waitForStartOutput("Ctrl-C stops everything.", startLimitMs)))
      throw new Error(`npm start was not ready:\n${this.startOutput}`);
    return this.startOutput;
  }

  /** What `npm start` printed, once it says that it has stopped, or when that takes too long. */
  async outputOnceStopped(): Promise<string> {
    await this.waitForStartOutput("stopped after", stopLimitMs);
    return this.startOutput;
  }

  openShell(): Shell {
    return new Shell(this.spawn("bash", ["-s"]), join(this.folder, "block.sh"));
  }

  async remove(): Promise<void> {
    this.started?.stdin?.end();
    const deadline = Date.now() + stopLimitMs;
    while (this.started?.exitCode === null && Date.now() < deadline) await sleep(50);
    if (this.started?.exitCode === null) signalGroup(this.started, "SIGKILL");
    await stopLeftovers(this.folder);
    await removeDataDir(this.folder, process.env);
    this.dismissGuard();
  }

  private async waitForStartOutput(text: string, limitMs: number): Promise<boolean> {
    const deadline = Date.now() + limitMs;
    while (!this.startOutput.includes(text)) {
      if (this.started?.exitCode !== null || Date.now() > deadline) return false;
      await sleep(50);
    }
    return true;
  }

  /** In a process group of its own, so that a command that hangs is ended with all that it started. */
  private spawn(command: string, args: readonly string[]): ChildProcess {
    const cwd = join(this.folder, "clone");
    return spawn(command, args, { cwd, env: this.environment, detached: true });
  }
}

/** One terminal: what a block exports is there for the next. The first command that fails ends it. */
class Shell {
  private output = "";
  private count = 0;

  constructor(
    private readonly bash: ChildProcess,
    private readonly scriptFile: string,
  ) {
    for (const stream of [bash.stdout, bash.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => (this.output += text));
    bash.stdin?.on("error", () => undefined);
  }

  /** Commands from a file and without input, so that none of them swallows the next. */
  async run(commands: string): Promise<BlockResult> {
    this.output = "";
    this.count += 1;
    const end = `-- end of block ${this.count} --`;
    writeFileSync(this.scriptFile, `set -euo pipefail\n${commands}`);
    this.bash.stdin?.write(`exec 2>&1; source '${this.scriptFile}' </dev/null; echo '${end}'\n`);
    const deadline = Date.now() + blockLimitMs;
    while (!this.output.includes(end)) {
      if (this.bash.exitCode !== null) return { code: this.bash.exitCode, output: this.output };
      if (Date.now() > deadline) {
        this.close();
        return { code: null, output: `${this.output}\nno end within ${blockLimitMs} ms` };
      }
      await sleep(20);
    }
    return { code: 0, output: this.output.replace(end, "") };
  }

  close(): void {
    if (this.bash.exitCode === null) signalGroup(this.bash, "SIGKILL");
  }
}

/** What a developer has exported for a stack of their own must not decide what a reader sees. */
function withoutOwnSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { SLUICE_API_KEY: _key, SLUICE_URL: _url, SLUICE_CONFIG: _config, ...rest } = environment;
  return rest;
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid !== undefined) process.kill(-pid, signal);
}
