/**
 * What the scripts of a request share. Its keys, all under the tenant's hash tag:
 * KEYS[1] hash: everything small that is known of it
 * KEYS[2] the outcome's bytes, which may expire before the hash
 * KEYS[3] stream of the reply: tokens, then the terminal entry
 *
 * A write sets the hash's time to live again, so that it outlives the records
 * on Kafka. `number or ''` is how an absent field is read: HGET gives false.
 */
export const prelude = `
local request, answer, stream = KEYS[1], KEYS[2], KEYS[3]
local keepMs, streamMs = 259200000, 600000
local attemptsMax = 4

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function get(field) return redis.call('HGET', request, field) end

local function set(...)
  redis.call('HSET', request, ...)
  redis.call('PEXPIRE', request, keepMs)
end

-- The record with its messages is kept until nobody can have to publish it again.
local function dropMessages() redis.call('HDEL', request, 'admitted') end

local function admittedRecord() return get('admitted') or get('withoutMessages') end

-- Tells which request's reply has grown; where it ends at once, also with what.
local function wake(bytes)
  local said = request
  if bytes and #bytes <= 65536 then said = request .. '\\0' .. bytes end
  for name in string.gmatch(get('listeners') or '', '%S+') do
    redis.call('PUBLISH', name, said)
  end
end

local function setOutcome(bytes, hash, kind, by)
  set('outcomeHash', hash, 'outcomeKind', kind, 'outcomeBy', by)
  redis.call('SET', answer, bytes, 'PX', keepMs)
  local reply = get('reply')
  if reply == 'live' or reply == 'whole' then
    redis.call('XADD', stream, '*', 'end', '1')
    redis.call('PEXPIRE', stream, streamMs)
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
