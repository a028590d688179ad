import { redisScript } from "@sluice/redis";
import { listenersMax } from "../../limits.ts";
import { prelude } from "./prelude.ts";

/**
 * ARGV: id after which to read or '', how many entries at most, listener. Returns the entries;
 * whether there is an outcome and all entries were read; and its bytes. This is one script, so that
 * no token can be appended between the last entry and the end.
 *
 * Each read notes the listener, so a reader in another process, or after Redis lost the request, is
 * notified too. Only the last eight listeners are kept, because processes end without removing theirs.
 */
export const followScript = redisScript(
  prelude,
  `
local after, countMax, listener = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local listeners = get('listeners') or ''
if redis.call('EXISTS', request) == 1
  and not string.find(' ' .. listeners .. ' ', ' ' .. listener .. ' ', 1, true) then
  local names = {}
  for name in string.gmatch(listeners, '%S+') do names[#names + 1] = name end
  names[#names + 1] = listener
  while #names > ${listenersMax} do table.remove(names, 1) end
  redis.call('HSET', request, 'listeners', table.concat(names, ' '))
end

local from = after == '' and '-' or '(' .. after
local entries = redis.call('XRANGE', stream, from, '+', 'COUNT', countMax)
if #entries == countMax or not get('outcomeHash') then return {entries, 0, false} end
return {entries, 1, redis.call('GET', answer)}
`,
);
