import { oomExemptScript, redisScript } from "@sluice/redis";
import { concurrencyRetryMs } from "../limits.ts";
import { giveBack } from "./give-back.ts";

/** Sums of fractions are not exact, so a limit is exceeded only by more than this. */
const tolerance = 1e-6;
const minuteMs = 60_000;

/**
 * A meter is a hash with a level and its time for requests and for tokens. The level falls at the rate of its limit, so
 * the hash may expire when it has reached zero. Numbers are stored with all digits, because Lua's own form has 14.
 */
const meters = `
local minuteMs, tolerance = ${minuteMs}, ${tolerance}

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local at = now()

local function levelOf(meter, what, perMinute)
  local stored = redis.call('HMGET', meter, what, what .. 'At')
  if not stored[1] then return 0 end
  return math.max(0, tonumber(stored[1]) - (at - tonumber(stored[2])) * perMinute / minuteMs)
end

local function msOf(amount, perMinute) return math.ceil(amount * minuteMs / perMinute) end

local function setLevel(meter, what, perMinute, level)
  redis.call('HSET', meter, what, string.format('%.17g', level), what .. 'At', string.format('%.0f', at))
  local keptMs = msOf(level, perMinute) + 1
  if redis.call('PTTL', meter) < keptMs then redis.call('PEXPIRE', meter, keptMs) end
end
`;

/**
 * KEYS: what the request holds, the flight of its tenant, and for each limit its meter and its slots. ARGV: id of the
 * request, lease, tokens, whether it enters the flight (1 or 0), and for each limit the requests and tokens
 * per minute and the concurrency; 0 for none. Returns the index of the limit that refuses the request or 0, the
 * bound, the time to wait or -1 if waiting does not help, and for each limit the remaining requests, the time until
 * their reset, and the same of tokens; -1 for none. It checks everything before it writes.
 */
export const takeScript = redisScript(
  meters,
  `
local id, leaseMs, tokens = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local held, flight, count = KEYS[1], KEYS[2], (#KEYS - 2) / 2

local function limitOf(index)
  local first = 4 + (index - 1) * 3
  return KEYS[1 + 2 * index], KEYS[2 + 2 * index],
    tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2]), tonumber(ARGV[first + 3])
end

local refusedBy, refusedBound, waitMs = 0, '', 0
local function refuse(index, bound, ms)
  if waitMs == -1 or (ms ~= -1 and ms <= waitMs) then return end
  refusedBy, refusedBound, waitMs = index, bound, ms
end

local function checkMeter(index, meter, what, perMinute, amount)
  if perMinute == 0 then return end
  local over = levelOf(meter, what, perMinute) + amount - perMinute
  if over <= tolerance then return end
  refuse(index, what, amount > perMinute and -1 or msOf(over, perMinute))
end

local function hold(slots)
  redis.call('ZADD', slots, at + leaseMs, id)
  if redis.call('PTTL', slots) < leaseMs then redis.call('PEXPIRE', slots, leaseMs) end
  redis.call('SADD', held, slots)
  redis.call('PEXPIRE', held, leaseMs)
end

if redis.call('EXISTS', held) == 0 then
  for index = 1, count do
    local meter, slots, requestsMax, tokensMax, running = limitOf(index)
    checkMeter(index, meter, 'requests', requestsMax, 1)
    checkMeter(index, meter, 'tokens', tokensMax, tokens)
    if running > 0 then
      redis.call('ZREMRANGEBYSCORE', slots, '-inf', at)
      if redis.call('ZCARD', slots) >= running then refuse(index, 'concurrency', ${concurrencyRetryMs}) end
    end
  end
  if refusedBy == 0 then
    for index = 1, count do
      local meter, slots, requestsMax, tokensMax, running = limitOf(index)
      if requestsMax > 0 then
        setLevel(meter, 'requests', requestsMax, levelOf(meter, 'requests', requestsMax) + 1)
      end
      if tokensMax > 0 then
        setLevel(meter, 'tokens', tokensMax, levelOf(meter, 'tokens', tokensMax) + tokens)
      end
      if running > 0 then hold(slots) end
    end
    if ARGV[4] == '1' then hold(flight) end
  end
end

local reply = {refusedBy, refusedBound, waitMs}
local function addState(meter, what, perMinute)
  if perMinute == 0 then
    reply[#reply + 1] = -1
    reply[#reply + 1] = -1
    return
  end
  local level = levelOf(meter, what, perMinute)
  reply[#reply + 1] = math.max(0, math.floor(perMinute - level + tolerance))
  reply[#reply + 1] = msOf(level, perMinute)
end
for index = 1, count do
  local meter, _, requestsMax, tokensMax = limitOf(index)
  addState(meter, 'requests', requestsMax)
  addState(meter, 'tokens', tokensMax)
end
return reply
`,
);

/** KEYS: the meter of each limit. ARGV: tokens, and the tokens per minute of each limit. */
export const addTokensScript = redisScript(
  meters,
  `
for index, meter in ipairs(KEYS) do
  local perMinute = tonumber(ARGV[index + 1])
  local level = levelOf(meter, 'tokens', perMinute) + tonumber(ARGV[1])
  setLevel(meter, 'tokens', perMinute, math.max(0, level))
end
return 0
`,
);

/** KEYS: what the request holds. ARGV: its id. */
export const releaseScript = oomExemptScript(
  giveBack,
  `
giveBack(KEYS[1], ARGV[1])
return 0
`,
);

/** KEYS: the flight of a tenant. Returns how many requests are in it. */
export const inFlightScript = oomExemptScript(`
local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', time[1] * 1000 + math.floor(time[2] / 1000))
return redis.call('ZCARD', KEYS[1])
`);
