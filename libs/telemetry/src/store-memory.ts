import { Injectable } from "@nestjs/common";
import { Gauge, type Registry } from "prom-client";

export interface MemoryUse {
  readonly usedBytes: number;
  /** 0 if it is unknown. */
  readonly limitBytes: number;
}

/** Throws if the server does not answer. */
export type MemoryProbe = () => Promise<MemoryUse>;

/** How much memory the Redis servers of a service use. Modules add the servers that they connect to. */
@Injectable()
export class StoreMemory {
  readonly #probes = new Map<string, MemoryProbe>();

  add(server: string, probe: MemoryProbe): void {
    this.#probes.set(server, probe);
  }

  /** Returns the use of each server that answers now. */
  async read(): Promise<ReadonlyMap<string, MemoryUse>> {
    const reads = [...this.#probes].map(
      async ([server, probe]) => [server, await probe()] as const,
    );
    const settled = await Promise.allSettled(reads);
    return new Map(settled.flatMap((read) => (read.status === "fulfilled" ? [read.value] : [])));
  }
}

/** Exposes the memory of the servers as metrics. Each scrape asks them, and a server that does not answer has no value. */
export function exposeStoreMemory(memory: StoreMemory, registry: Registry): void {
  const gauge = (name: string, help: string, bytesOf: (use: MemoryUse) => number): Gauge => {
    const made = new Gauge({
      name,
      help,
      labelNames: ["server"],
      registers: [registry],
      collect: async () => {
        const servers = await memory.read();
        made.reset();
        for (const [server, use] of servers)
          if (bytesOf(use) > 0) made.set({ server }, bytesOf(use));
      },
    });
    return made;
  };
  gauge(
    "redis_memory_used_bytes",
    "The memory of a Redis server that counts towards its limit",
    ({ usedBytes }) => usedBytes,
  );
  gauge(
    "redis_memory_limit_bytes",
    "The memory limit of a Redis server",
    ({ limitBytes }) => limitBytes,
  );
}
