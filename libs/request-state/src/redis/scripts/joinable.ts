import { redisScript } from "@sluice/redis";
import { prelude } from "./prelude.ts";

/**
 * KEYS[4] points to the request; ARGV: the id that was found there. Returns 1 if the request
 * runs or has completed. Otherwise returns 0 and removes the pointer, so that the next admission can set it.
 */
export const joinableScript = redisScript(
  prelude,
  `
local kind = get('outcomeKind')
if get('bodyHash') and (kind == 'completed' or (not kind and not get('cancelled'))) then return 1 end
if redis.call('GET', KEYS[4]) == ARGV[1] then redis.call('DEL', KEYS[4]) end
return 0
`,
);
