import { redisScript } from "@sluice/redis";
import { listenersMax } from "../../limits.ts";
import { prelude } from "./prelude.ts";

/**
 * ARGV: id after which to read or '', how many entries at most, listener. Answers the entries;
 * whether the outcome stands and all entries were read; and its bytes. One function, so that
 * no token can slip in between the last entry and the end.
 *
 * The listener is noted with every read: a reader in another process, or after Redis was lost,
 * is woken too. Processes that came and went are bounded by keeping the last eight.
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
