import { connectRedis } from "@sluice/redis";

/** Lets a Redis lose everything, as an empty restart does. */
export async function loseRedis(url: string): Promise<void> {
  const redis = connectRedis(url, { name: "losing", commandTimeoutMs: 5_000 });
  await new Promise((resolve) => redis.once("ready", resolve));
  await redis.flushall();
  redis.disconnect();
}
