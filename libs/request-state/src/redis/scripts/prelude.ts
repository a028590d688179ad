import { budgetLua } from "@sluice/budgets";
import { oomExemptScript, type RedisScript } from "@sluice/redis";
import { giveBack } from "../../rate-limits/give-back.ts";
import {
  attemptsMax,
  endedReplyKeptMs,
  listenersMax,
  notifiedOutcomeBytesMax,
  readersMax,
  recordKeptMs,
  replyKeptMs,
} from "../../limits.ts";

/**
 * The part that all scripts of a request share. The keys are all under the tenant's hash tag:
 * KEYS[1] is the hash with everything small that is known of the request. Once the outcome and its
 * usage are published, a marker replaces it: a hash with body hash, outcome hash and outcome kind.
 * KEYS[2] is the bytes of the outcome, which may expire before the hash.
 * KEYS[3] is the stream of the reply's tokens. The outcome in KEYS[1] ends it.
 * KEYS[4] is the state of the tenant's budgets, whose epoch rises each time that Redis has lost its data.
 *
 * Each write sets the hash's time to live again, so that it outlives the records on Kafka.
 * An absent field is read as `field or ''`, because HGET returns false for it.
 */
export const prelude = `
local request, answer, stream, budgets = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local recordKeptMs, replyKeptMs = ${recordKeptMs}, ${replyKeptMs}
local attemptsMax = ${attemptsMax}

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function get(field) return redis.call('HGET', request, field) end

local function set(...)
  redis.call('HSET', request, ...)
  redis.call('PEXPIRE', request, recordKeptMs)
end

-- What is known of the id to a repeat with this body. Sluice 0.1 stored the admitted record under
-- two other names.
local function repeated(bodyHash)
  if get('bodyHash') ~= bodyHash then return {'conflict'} end
  local hasOutcome = get('outcomeHash')
  return {
    'repeat', get('record') or get('withoutMessages') or get('admitted'),
    get('acknowledged') and 1 or 0, hasOutcome and 1 or 0,
    hasOutcome and redis.call('GET', answer)
  }
end

local function contains(list, name)
  return string.find(' ' .. list .. ' ', ' ' .. name .. ' ', 1, true) ~= nil
end

local function namesIn(list)
  local names = {}
  for name in string.gmatch(list or '', '%S+') do names[#names + 1] = name end
  return names
end

-- Notes a process that follows the reply. The oldest is dropped, because processes end without
-- removing theirs.
local function listen(listener)
  if contains(get('listeners') or '', listener) then return end
  local names = namesIn(get('listeners'))
  names[#names + 1] = listener
  while #names > ${listenersMax} do table.remove(names, 1) end
  redis.call('HSET', request, 'listeners', table.concat(names, ' '))
end

-- Counts a reader. Too many readers are no longer counted, and their request is never cancelled.
local function enter(reader)
  local readers = get('readers') or ''
  if readers == 'many' or contains(readers, reader) then return end
  local names = namesIn(readers)
  names[#names + 1] = reader
  redis.call('HSET', request, 'readers', #names > ${readersMax} and 'many' or table.concat(names, ' '))
end

-- Removes a reader. Returns whether none is left.
local function leave(reader)
  local readers = get('readers')
  if not readers then return true end
  if readers == 'many' then return false end
  local names = {}
  for _, name in ipairs(namesIn(readers)) do
    if name ~= reader then names[#names + 1] = name end
  end
  if #names == 0 then
    redis.call('HDEL', request, 'readers')
    return true
  end
  redis.call('HSET', request, 'readers', table.concat(names, ' '))
  return false
end

-- Notifies the listeners that the request's reply has grown. If the reply ends with this write,
-- the notification carries the outcome, unless it is too large.
local function wake(bytes)
  local notification = request
  if bytes and #bytes <= ${notifiedOutcomeBytesMax} then notification = request .. '\\0' .. bytes end
  for _, name in ipairs(namesIn(get('listeners'))) do redis.call('PUBLISH', name, notification) end
end

-- The last token of the reply, as attempt-sequence, or false.
local function lastToken() return get('lastToken') end

${giveBack}
local function setOutcome(bytes, hash, kind, by)
  set('outcomeHash', hash, 'outcomeKind', kind, 'outcomeBy', by)
  redis.call('SET', answer, bytes, 'PX', recordKeptMs)
  if lastToken() then redis.call('PEXPIRE', stream, ${endedReplyKeptMs}) end
  wake(get('reply') == 'whole' and bytes)
  local tag, id = string.match(request, '^(.*):request:(.*)$')
  giveBack(tag .. ':held:' .. id, id)
end

local function isLive(phase) return phase == 'held' or phase == 'calling' end

local function hasEnded(phase) return phase and not isLive(phase) end

local function phaseOf(number) return get(number .. '.state') end

local function isFenced(number, fence) return get(number .. '.fence') ~= fence end

local function raiseFence(number)
  return redis.call('HINCRBY', request, number .. '.fence', 1)
end

-- How many numbers of attempts are not used, because attempts before a loss may have had them: an attempt id must never
-- name two calls.
local function attemptsBefore() return tonumber(get('before') or '0') end

-- The same for a request of which no attempt is recorded. One that was admitted before the last loss may have been
-- attempted before it.
local function attemptsBeforeOf(admittedAt)
  local known = get('before')
  if known then return tonumber(known) end
  -- Its record was not lost. Budgets are rebuilt for other reasons too.
  if phaseOf(1) then return 0 end
  local state = redis.call('HMGET', budgets, 'epoch', 'since')
  local epoch = tonumber(state[1] or '0')
  if epoch > 0 and admittedAt < tonumber(state[2]) then return epoch * attemptsMax end
  return 0
end

local function hold(number, owner, leaseMs)
  local fence, prefix = raiseFence(number), number .. '.'
  set(prefix .. 'state', 'held', prefix .. 'owner', owner, prefix .. 'leaseUntil', now() + leaseMs,
    prefix .. 'epoch', redis.call('HGET', budgets, 'epoch') or '')
  return fence
end

-- How long others must wait. An owner does not have to wait for its own lease: its claim was stored, and the
-- reply was lost.
local function leaseLeft(number, owner)
  local phase = phaseOf(number)
  if not isLive(phase) then return 0 end
  if phase == 'held' and get(number .. '.owner') == owner then return 0 end
  return math.max(0, tonumber(get(number .. '.leaseUntil')) - now())
end

local function attempt(number, owner)
  local prefix = number .. '.'
  return {phaseOf(number), leaseLeft(number, owner), get(prefix .. 'metered'), get(prefix .. 'reason')}
end
`;

/**
 * Returns a script on the keys of one request. It also runs if Redis has reached its memory limit:
 * what was admitted can still be called, finished and published, and its keys then shrink or expire.
 * Only the admission of further requests is refused, see `admitScript`.
 */
export function requestScript(lua: string): RedisScript {
  return oomExemptScript(prelude, lua);
}

/** The tag with which all keys of the tenant begin. */
const tag = "local tag = string.sub(KEYS[4], 1, -#':budgets' - 1)";

/** Returns a {@link requestScript} that also changes reservations. */
export function reservingScript(lua: string): RedisScript {
  return oomExemptScript(budgetLua, prelude, tag, lua);
}

/**
 * Lua: reserves what an attempt needs. The arguments from `at` on are the attempt's id, that of the request's first
 * attempt, the windows and one option; or '' for an attempt that needs nothing. Returns nil, or what a claim returns
 * instead.
 */
export const reserveForAttempt = `
local function reserveFor(at)
  local attemptId, dispatchedId = ARGV[at], ARGV[at + 1]
  if attemptId == '' then return nil end
  local epoch = openEpoch(tag)
  local windows, next = windowsFrom(at + 2)
  local option = optionsFrom(next)[1]
  local position, leftUsd, leftNano = claimReservation(tag, epoch, attemptId, dispatchedId, option, windows)
  return position and {'refused', position, digits(leftUsd), leftNano} or nil
end
`;
