import { redisScript } from "@sluice/redis";
import { prelude } from "./prelude.ts";

/** Also works for a request that Redis has lost, because its attempt may still run. */
export const cancelScript = redisScript(prelude, `set('cancelled', '1') return 1`);
