import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const main = new URL("../src/main.ts", import.meta.url);
const readyWithinMs = 30_000;

/**
 * The service as a process of its own, run from its sources, which a test can freeze, stop and
 * kill.
 */
export class AdapterProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #lines: string[] = [];

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, "exit");
    for (const output of [child.stdout, child.stderr])
      if (output) createInterface({ input: output }).on("line", (line) => this.#lines.push(line));
  }

  /** Starts the service. Resolves when it is ready, before its partitions are assigned. */
  static async start(environment: Readonly<Record<string, string>>): Promise<AdapterProcess> {
    const adminPort = String(await freePort());
    const child = spawn(
      process.execPath,
      ["--conditions=@sluice/source", "--import", "@oxc-node/core/register", main.pathname],
      {
        // Decorators are compiled by the tsconfig.json of the working directory.
        cwd: new URL("..", import.meta.url),
        env: { ...process.env, ...environment, SLUICE_ADMIN_PORT: adminPort },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const adapter = new AdapterProcess(child);
    const deadline = Date.now() + readyWithinMs;
    while (!(await isReady(`http://127.0.0.1:${adminPort}/readyz`))) {
      if (Date.now() > deadline || child.exitCode !== null)
        throw new Error(
          `The adapter did not become ready within ${readyWithinMs} ms. Its log ends with:\n${adapter.log}`,
        );
      await sleep(50);
    }
    return adapter;
  }

  get log(): string {
    return this.#lines.slice(-40).join("\n");
  }

  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  /** Sends SIGTERM, as a supervisor does. Returns the milliseconds until the process exited. */
  async stop(): Promise<number> {
    const startedAt = performance.now();
    this.#child.kill("SIGTERM");
    await this.#ended;
    return performance.now() - startedAt;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
