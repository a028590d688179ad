import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findFreePorts, guardDataDir, removeDataDir, stopLeftovers } from "@sluice/local-stack";
import { root } from "./tree.ts";

/** The ports of the programs that `npm start` starts in addition to the parts, as the documents name them. */
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

/** Stops `npm start` when this process ends for any reason, because that closes the pipe to `cat`. */
const startWhileInputIsOpen = "npm start & pid=$!; cat >/dev/null; kill -TERM $pid; wait $pid";

interface BlockResult {
  readonly code: number | null;
  readonly output: string;
}

/**
 * Runs the documents' commands as a reader with a new clone would. The clone is a folder of links, so
 * that files which the commands write do not end up in the repository. The developer's own stack may
 * occupy the usual ports. The clone therefore uses other ports, which the commands receive in
 * environment variables and curl in a .curlrc. Kafka, the registry, Redis and PostgreSQL are those that
 * the environment names.
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
    // The state directory contains the clone, because the guard removes the whole state directory.
    symlinkSync(folder, join(clone, ".sluice"));
    const guard = guardDataDir(folder);
    return new ClonedRepository(
      folder,
      {
        ...withoutOwnSettings(process.env),
        ...Object.fromEntries(chosen.map(({ name, port }) => [name, String(port)])),
        SLUICE_DATA_DIR: folder,
        SLUICE_BASE_URL: `http://127.0.0.1:${free[0]}/v1`,
        SLUICE_KAFKA_TOPIC_PREFIX: `clone${process.pid}.${free[0]}.`,
        SLUICE_SIMULATOR_SPEED: "10",
        CURL_HOME: home,
      },
      () => guard.dismiss(),
    );
  }

  /** Runs `npm start`, and returns what it printed until it was ready. */
  async startStack(): Promise<string> {
    const child = this.spawn("sh", ["-c", startWhileInputIsOpen]);
    this.started = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => (this.startOutput += text));
    if (!(await this.waitForStartOutput("Ctrl-C stops everything.", startLimitMs)))
      throw new Error(`npm start was not ready:\n${this.startOutput}`);
    return this.startOutput;
  }

  /** Returns what `npm start` printed until it stopped, or until a time limit. */
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

  /** Starts a new process group, so that a command that hangs can be killed with all its children. */
  private spawn(command: string, args: readonly string[]): ChildProcess {
    const cwd = join(this.folder, "clone");
    return spawn(command, args, { cwd, env: this.environment, detached: true });
  }
}

/** One shell session. Variables that a block exports are set in the next block. A failing command ends it. */
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

  /** Runs commands from a file and without input, so that no command reads the next one as its input. */
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
        return {
          code: null,
          output: `${this.output}\nThe block did not end within ${blockLimitMs} ms.`,
        };
      }
      await sleep(20);
    }
    return { code: 0, output: this.output.replace(end, "") };
  }

  close(): void {
    if (this.bash.exitCode === null) signalGroup(this.bash, "SIGKILL");
  }
}

/** Removes variables that a developer may have exported for their own stack. */
function withoutOwnSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { SLUICE_API_KEY: _key, SLUICE_URL: _url, SLUICE_CONFIG: _config, ...rest } = environment;
  return rest;
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid !== undefined) process.kill(-pid, signal);
}
