import { redisScript } from "@sluice/redis";
import { prelude } from "./prelude.ts";

/**
 * KEYS[4] points to the request; ARGV: the id found there before. Answers 1 when it runs or
 * completed; else 0, and clears the pointer so that the next admission takes its place.
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
