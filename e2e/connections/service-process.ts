import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const root = join(import.meta.dirname, "..", "..");
/** Makes the service exit when the test's process ends for any reason, because that closes its standard input. */
const exitWithParent =
  "data:text/javascript,process.stdin.on('end',()=>process.exit(9)).resume();process.stdin.unref()";

/** Runs one service with a given environment, as an operator would, and collects its output. */
export class ServiceProcess {
  /** All output of the service, in the order of arrival. */
  output = "";
  readonly #child: ChildProcess;
  readonly #admin: string;

  private constructor(child: ChildProcess, admin: string) {
    this.#child = child;
    this.#admin = admin;
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
  }

  static async start(
    service: string,
    environment: Readonly<Record<string, string>>,
  ): Promise<ServiceProcess> {
    const port = await freePort();
    const main = join(root, "services", service, "dist", "main.js");
    const child = spawn(process.execPath, ["--import", exitWithParent, main], {
      env: {
        PATH: process.env["PATH"],
        SLUICE_HTTP_PORT: "0",
        ...environment,
        SLUICE_ADMIN_PORT: String(port),
      },
      stdio: ["pipe", "pipe", "pipe"],
    });
    return new ServiceProcess(child, `http://127.0.0.1:${port}`);
  }

  /** Waits until the service exits, and returns the exit code. @throws after `limitMs` */
  async exitCode(limitMs = 40_000): Promise<number | null> {
    if (this.#child.exitCode !== null) return this.#child.exitCode;
    const signal = AbortSignal.timeout(limitMs);
    await once(this.#child, "exit", { signal }).catch(() => {
      throw new Error(`The service did not exit within ${limitMs} ms:\n${this.output}`);
    });
    return this.#child.exitCode;
  }

  /** Waits until the output contains the text. @throws after `limitMs`, with the output */
  async waitForOutput(text: string, limitMs = 30_000): Promise<void> {
    const deadline = Date.now() + limitMs;
    while (!this.output.includes(text)) {
      if (Date.now() > deadline)
        throw new Error(`The service did not print "${text}":\n${this.output}`);
      // oxlint-disable-next-line no-await-in-loop -- polling
      await sleep(50);
    }
  }

  /** Returns the response of `/readyz`, as soon as there is one. @throws after `limitMs` */
  async readiness(limitMs = 30_000): Promise<{ status: number; body: unknown }> {
    const deadline = Date.now() + limitMs;
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- polling
      const answer = await fetch(`${this.#admin}/readyz`).catch(() => undefined);
      // oxlint-disable-next-line no-await-in-loop -- returned at once
      if (answer) return { status: answer.status, body: await answer.json() };
      if (Date.now() > deadline)
        throw new Error(`The service does not serve /readyz:\n${this.output}`);
      // oxlint-disable-next-line no-await-in-loop -- polling
      await sleep(100);
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
