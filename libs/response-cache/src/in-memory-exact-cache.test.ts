import { exactCacheContract } from "./exact-cache.contract.ts";
import { InMemoryExactCache } from "./in-memory-exact-cache.ts";

const cache = new InMemoryExactCache();
exactCacheContract("in memory", () => cache);
