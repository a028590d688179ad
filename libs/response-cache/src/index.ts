export { addressKeyOf } from "./address-key.ts";
export { type CacheAddress, type CacheEntry, ExactCache } from "./exact-cache.ts";
