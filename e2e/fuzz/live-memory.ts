import { setTimeout as sleep } from "node:timers/promises";
import type { Pipeline, ProcessName } from "@sluice/testing";

/** Services must be started with this environment, so that each debugger uses its own port. */
export const inspectable = { NODE_OPTIONS: "--inspect-port=0" };

const waitMsMax = 5_000;
const pollMs = 50;

/**
 * Measures the bytes that a service's process uses after a garbage collection. Resident memory is less
 * exact, because V8 reserves memory: it grows by 80 MiB in a process without a leak.
 */
export class LiveMemory {
  readonly #socket: WebSocket;
  #id = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** Connects to Node's debugger in the service, which SIGUSR1 starts. */
  static async of(pipeline: Pipeline, name: ProcessName): Promise<LiveMemory> {
    process.kill(pipeline.identityOf(name).pid, "SIGUSR1");
    const socket = new WebSocket(await addressIn(pipeline, name));
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve, { once: true });
      socket.addEventListener("error", reject, { once: true });
    });
    return new LiveMemory(socket);
  }

  async bytes(): Promise<number> {
    await this.#ask("HeapProfiler.collectGarbage");
    const { usedSize = 0, backingStorageSize = 0 } = await this.#ask("Runtime.getHeapUsage");
    return usedSize + backingStorageSize;
  }

  close(): void {
    this.#socket.close();
  }

  #ask(method: string): Promise<Partial<Record<"usedSize" | "backingStorageSize", number>>> {
    this.#id += 1;
    const id = this.#id;
    return new Promise((resolve) => {
      const receive = ({ data }: MessageEvent): void => {
        const answer = JSON.parse(String(data));
        if (answer.id !== id) return;
        this.#socket.removeEventListener("message", receive);
        resolve(answer.result);
      };
      this.#socket.addEventListener("message", receive);
      this.#socket.send(JSON.stringify({ id, method }));
    });
  }
}

async function addressIn(pipeline: Pipeline, name: ProcessName): Promise<string> {
  for (let waitedMs = 0; waitedMs < waitMsMax; waitedMs += pollMs) {
    const [, address] = /Debugger listening on (ws:\S+)/.exec(pipeline.logOf(name)) ?? [];
    if (address) return address;
    await sleep(pollMs);
  }
  throw new Error(`${name} started no debugger within ${waitMsMax} ms.`);
}
