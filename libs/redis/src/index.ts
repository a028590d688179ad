export type { Redis } from "ioredis";
export {
  cacheCommandTimeoutMs,
  connectRedis,
  connectSubscriber,
  isRedisReady,
  type RedisConnection,
  stateCommandTimeoutMs,
} from "./connection.ts";
export { readRedisMemory, type RedisMemory } from "./memory.ts";
export { askRedis, isRedisDown, type RedisFaultCode, redisFaultOf } from "./faults.ts";
export {
  oomExemptScript,
  type RedisScript,
  redisScript,
  runScript,
  type ScriptCall,
  type ScriptReply,
} from "./script.ts";
export { bytesOf, isAbsent, listOf, numberOf, recordOf, textOf } from "./script-reply.ts";
export { tenantTagOf } from "./tenant-tag.ts";
