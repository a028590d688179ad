export { addressKeyOf } from "./address-key.ts";
export { cacheKeyOf } from "./cache-key.ts";
export { type CacheAddress, type CacheEntry, ExactCache, type Fill } from "./exact-cache.ts";
export { fillOf, isFillable } from "./fill.ts";
export { Flights } from "./flights/flights.ts";
export { InMemoryFlights } from "./flights/in-memory-flights.ts";
export { type CacheFaultCode, hitOutcome, savingOf } from "./hit.ts";
export { InMemoryExactCache } from "./in-memory-exact-cache.ts";
export {
  type BypassReason,
  type CachePolicy,
  defaultCachePolicy,
  type Found,
  lookUp,
  lookupOf,
  satisfies,
  type VariantFacts,
  type VariantFactsOf,
} from "./lookup.ts";
export { RedisExactCache } from "./redis-exact-cache.ts";
export { ResponseCacheModule, type ResponseCacheOptions } from "./response-cache.module.ts";
