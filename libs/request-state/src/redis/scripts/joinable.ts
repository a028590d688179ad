import { requestScript } from "./prelude.ts";

/**
 * KEYS[5] points to the request; ARGV: the id that was found there, and the reader that wants to
 * join. Returns 1 if the request runs or has completed, and counts the reader of a running request,
 * so that it is not cancelled before the reader begins to follow. Otherwise returns 0 and removes the
 * pointer, so that the next admission can set it.
 */
export const joinableScript = requestScript(`
local kind = get('outcomeKind')
local isRunning = not kind and not get('cancelled')
if get('bodyHash') and (kind == 'completed' or isRunning) then
  if isRunning then enter(ARGV[2]) end
  return 1
end
if redis.call('GET', KEYS[5]) == ARGV[1] then redis.call('DEL', KEYS[5]) end
return 0
`);
