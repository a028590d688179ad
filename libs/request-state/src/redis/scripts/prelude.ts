import { attemptsMax, notifiedOutcomeBytesMax, recordKeptMs, replyKeptMs } from "../../limits.ts";

/**
 * The part that all scripts of a request share. The keys are all under the tenant's hash tag:
 * KEYS[1] is the hash with everything small that is known of the request.
 * KEYS[2] is the bytes of the outcome, which may expire before the hash.
 * KEYS[3] is the stream of the reply: tokens, then the terminal entry.
 *
 * Each write sets the hash's time to live again, so that it outlives the records on Kafka.
 * An absent field is read as `field or ''`, because HGET returns false for it.
 */
export const prelude = `
local request, answer, stream = KEYS[1], KEYS[2], KEYS[3]
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

-- Drops the record with its messages, once no repeat can have to publish it again.
local function dropMessages() redis.call('HDEL', request, 'admitted') end

local function admittedRecord() return get('admitted') or get('withoutMessages') end

-- Notifies the listeners that the request's reply has grown. If the reply ends with this write,
-- the notification carries the outcome, unless it is too large.
local function wake(bytes)
  local notification = request
  if bytes and #bytes <= ${notifiedOutcomeBytesMax} then notification = request .. '\\0' .. bytes end
  for name in string.gmatch(get('listeners') or '', '%S+') do
    redis.call('PUBLISH', name, notification)
  end
end

local function setOutcome(bytes, hash, kind, by)
  set('outcomeHash', hash, 'outcomeKind', kind, 'outcomeBy', by)
  redis.call('SET', answer, bytes, 'PX', recordKeptMs)
  local reply = get('reply')
  if reply == 'live' or reply == 'whole' then
    redis.call('XADD', stream, '*', 'end', '1')
    redis.call('PEXPIRE', stream, replyKeptMs)
  end
  wake(reply == 'whole' and bytes)
end

local function isLive(phase) return phase == 'held' or phase == 'calling' end

local function hasEnded(phase) return phase and not isLive(phase) end

local function phaseOf(number) return get(number .. '.state') end

local function isFenced(number, fence) return get(number .. '.fence') ~= fence end

local function raiseFence(number)
  return redis.call('HINCRBY', request, number .. '.fence', 1)
end

local function hold(number, owner, leaseMs)
  local fence, prefix = raiseFence(number), number .. '.'
  set(prefix .. 'state', 'held', prefix .. 'owner', owner, prefix .. 'leaseUntil', now() + leaseMs)
  return fence
end

local function leaseLeft(number)
  local phase = phaseOf(number)
  if not isLive(phase) then return 0 end
  return math.max(0, tonumber(get(number .. '.leaseUntil')) - now())
end

local function attempt(number)
  local prefix = number .. '.'
  return {phaseOf(number), leaseLeft(number), get(prefix .. 'metered'), get(prefix .. 'reason')}
end
`;
