import type { Redis } from "ioredis";

export interface RedisMemory {
  /** The bytes that count towards the limit. */
  readonly usedBytes: number;
  /** The `maxmemory` of the server, or the memory of its machine without one; 0 if it reports neither. */
  readonly limitBytes: number;
}

/**
 * Returns how much memory the server uses.
 *
 * @throws the client's error if the server does not answer
 */
export async function readRedisMemory(redis: Redis): Promise<RedisMemory> {
  return memoryIn(await redis.info("memory"));
}

/** Reads the reply of `INFO memory`. */
export function memoryIn(info: string): RedisMemory {
  const fields = new Map(
    info.split(/\r?\n/).map((line) => {
      const [name = "", value] = line.split(":");
      return [name, Number(value)] as const;
    }),
  );
  const bytesOf = (name: string): number => fields.get(name) || 0;
  return {
    // Redis leaves out the buffers of replicas and of the append-only file when it compares with its limit.
    usedBytes: bytesOf("used_memory") - bytesOf("mem_not_counted_for_evict"),
    limitBytes: bytesOf("maxmemory") || bytesOf("total_system_memory"),
  };
}
