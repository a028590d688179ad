/**
 * Lua: the counters of windows, and the reservations on them. Other packages compose it into their scripts, so that a
 * reservation and what depends on it change together.
 *
 * The keys of a tenant have one hash tag, and all of them begin with its `tag`:
 * `<tag>:budgets` is the state of the tenant's budgets: ready or rebuilding, the epoch, and for each partition of
 * cost.metered the sequence of the last charge that was settled.
 * `<tag>:budget:<window id>` is a counter: spent, reserved and the limit, each in dollars and billionths. A Lua number is
 * exact to 2^53, which are 9 million dollars in nano-dollars, and 9 * 10^15 dollars in dollars.
 * `<tag>:reservation:<attempt id>` is a reservation: open, claimed or done.
 * `<tag>:reservations` orders open reservations by the time at which they expire.
 *
 * A counter that has another epoch than the state is from before a loss and counts as empty.
 */
export const counterLua = `
local function nowMs()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function plus(usd, nano, addedUsd, addedNano)
  usd, nano = usd + addedUsd, nano + addedNano
  if nano >= 1000000000 then return usd + 1, nano - 1000000000 end
  return usd, nano
end

local function minus(usd, nano, takenUsd, takenNano)
  usd, nano = usd - takenUsd, nano - takenNano
  if nano < 0 then return usd - 1, nano + 1000000000 end
  return usd, nano
end

local function exceeds(usd, nano, limitUsd, limitNano)
  return usd > limitUsd or (usd == limitUsd and nano > limitNano)
end

local function digits(number) return string.format('%.0f', number) end

-- The epoch of the tenant's budgets, or nil while they are lost or rebuilt.
local function openEpoch(tag)
  local state = redis.call('HMGET', tag .. ':budgets', 'state', 'epoch')
  if state[1] ~= 'ready' then return nil end
  return state[2]
end

-- The counters that a script works on. They are written once, when it is known that everything fits.
local counters = {}

local function counterOf(tag, epoch, id)
  local counter = counters[id]
  if counter then return counter end
  local key = tag .. ':budget:' .. id
  local stored = redis.call('HMGET', key, 'epoch', 'spentUsd', 'spentNano', 'reservedUsd', 'reservedNano',
    'limitUsd', 'limitNano', 'version')
  local isNew = stored[1] ~= epoch
  -- Names all members, so that the table is not enlarged later.
  counter = {
    key = key, isNew = isNew,
    spentUsd = isNew and 0 or tonumber(stored[2]), spentNano = isNew and 0 or tonumber(stored[3]),
    reservedUsd = isNew and 0 or tonumber(stored[4]), reservedNano = isNew and 0 or tonumber(stored[5]),
    limitUsd = not isNew and tonumber(stored[6] or nil), limitNano = not isNew and tonumber(stored[7] or nil),
    version = not isNew and tonumber(stored[8] or nil),
    isLimitNew = false, isSpent = false, changed = false, expiry = false
  }
  counters[id] = counter
  return counter
end

-- The newest declaration counts, also if a service that has an older one asks afterwards.
local function limitBy(counter, window)
  if counter.version and window.version < counter.version then return end
  if counter.version == window.version and counter.limitUsd == window.limitUsd
    and counter.limitNano == window.limitNano then return end
  counter.limitUsd, counter.limitNano, counter.version = window.limitUsd, window.limitNano, window.version
  counter.isLimitNew = true
end

-- An expiry is 0 for never, a time, or minus a time for one that is renewed with each use.
local function expireCounter(key, expiry, isNew)
  if string.byte(expiry) == 45 then
    redis.call('PEXPIREAT', key, string.sub(expiry, 2))
  elseif isNew and expiry ~= '0' then
    redis.call('PEXPIREAT', key, expiry)
  end
end

-- Writes the fields that can have changed. An existing counter with the same limit is the usual case.
local function writeCounter(epoch, counter)
  local reservedUsd = digits(counter.reservedUsd)
  if counter.isNew or counter.isLimitNew then
    redis.call('HSET', counter.key, 'epoch', epoch,
      'spentUsd', digits(counter.spentUsd), 'spentNano', counter.spentNano,
      'reservedUsd', reservedUsd, 'reservedNano', counter.reservedNano)
    if counter.version then
      redis.call('HSET', counter.key, 'limitUsd', digits(counter.limitUsd), 'limitNano', counter.limitNano,
        'version', digits(counter.version))
    end
  elseif counter.isSpent then
    redis.call('HSET', counter.key, 'spentUsd', digits(counter.spentUsd), 'spentNano', counter.spentNano,
      'reservedUsd', reservedUsd, 'reservedNano', counter.reservedNano)
  else
    redis.call('HSET', counter.key, 'reservedUsd', reservedUsd, 'reservedNano', counter.reservedNano)
  end
  if counter.expiry then expireCounter(counter.key, counter.expiry, counter.isNew) end
end

local function writeCounters(epoch)
  for _, counter in pairs(counters) do
    if counter.changed then writeCounter(epoch, counter) end
  end
end

-- Reads windows from the arguments: id, limit, hard, version and expiry each. Returns the next position.
local function windowsFrom(at)
  local windows = {}
  local count = tonumber(ARGV[at])
  at = at + 1
  for index = 1, count do
    windows[index] = {
      id = ARGV[at], limitUsd = tonumber(ARGV[at + 1]), limitNano = tonumber(ARGV[at + 2]),
      hard = ARGV[at + 3] == '1', version = tonumber(ARGV[at + 4]), expiry = ARGV[at + 5]
    }
    at = at + 6
  end
  return windows, at
end

-- Reads options from the arguments: variant, amount and the positions of its windows each. Returns the next position.
local function optionsFrom(at)
  local options = {}
  local count = tonumber(ARGV[at])
  at = at + 1
  for index = 1, count do
    local option = {variant = ARGV[at], usd = tonumber(ARGV[at + 1]), nano = tonumber(ARGV[at + 2]), windows = {}}
    local size = tonumber(ARGV[at + 3])
    for position = 1, size do option.windows[position] = tonumber(ARGV[at + 3 + position]) end
    options[index] = option
    at = at + 4 + size
  end
  return options, at
end

-- Returns the position of the first window that refuses the option, and its allowance; nil if the option fits.
local function refusalOf(tag, epoch, option, windows)
  for _, position in ipairs(option.windows) do
    local window = windows[position]
    local counter = counterOf(tag, epoch, window.id)
    limitBy(counter, window)
    if window.hard then
      local usedUsd, usedNano = plus(counter.spentUsd, counter.spentNano, counter.reservedUsd, counter.reservedNano)
      local neededUsd, neededNano = plus(usedUsd, usedNano, option.usd, option.nano)
      if exceeds(neededUsd, neededNano, counter.limitUsd, counter.limitNano) then
        local leftUsd, leftNano = minus(counter.limitUsd, counter.limitNano, usedUsd, usedNano)
        return position, leftUsd, leftNano
      end
    end
  end
  return nil
end

local function addReserved(tag, epoch, option, windows)
  for _, position in ipairs(option.windows) do
    local window = windows[position]
    local counter = counterOf(tag, epoch, window.id)
    limitBy(counter, window)
    counter.reservedUsd, counter.reservedNano =
      plus(counter.reservedUsd, counter.reservedNano, option.usd, option.nano)
    counter.changed, counter.expiry = true, window.expiry
  end
end

local function reservationAt(key)
  local stored = redis.call('HMGET', key, 'state', 'variant', 'usd', 'nano', 'windows', 'granted', 'epoch')
  if not stored[1] then return nil end
  return {
    state = stored[1], variant = stored[2], usd = tonumber(stored[3] or '0'), nano = tonumber(stored[4] or '0'),
    windows = stored[5] or '', granted = stored[6] or '', epoch = stored[7]
  }
end

-- Whether the amount of a reservation is in the counters. One of an older epoch was lost with them.
local function isReserved(reservation, epoch)
  return reservation and reservation.epoch == epoch
    and (reservation.state == 'open' or reservation.state == 'claimed')
end

local function subtractReserved(tag, epoch, reservation)
  for id in string.gmatch(reservation.windows, '%S+') do
    local counter = counterOf(tag, epoch, id)
    counter.reservedUsd, counter.reservedNano =
      minus(counter.reservedUsd, counter.reservedNano, reservation.usd, reservation.nano)
    counter.changed = true
  end
end

local function idsOf(option, windows)
  local ids = {}
  for index, position in ipairs(option.windows) do ids[index] = windows[position].id end
  return table.concat(ids, ' ')
end

-- Whether a reservation is what the option needs. The declarations, the prices or the day may have changed since.
local function isFor(reservation, option, windows)
  return reservation.variant == option.variant and reservation.usd == option.usd
    and reservation.nano == option.nano and reservation.windows == idsOf(option, windows)
end

local function writeReservation(key, epoch, state, option, windows, granted)
  redis.call('HSET', key, 'state', state, 'epoch', epoch, 'variant', option.variant,
    'usd', digits(option.usd), 'nano', option.nano, 'windows', idsOf(option, windows), 'granted', granted)
end

-- Ends a reservation. A trace remains for a while, so that a redelivery does not reserve again.
local function endReservation(tag, attemptId, keptMs)
  local key = tag .. ':reservation:' .. attemptId
  redis.call('DEL', key)
  redis.call('HSET', key, 'state', 'done')
  redis.call('PEXPIRE', key, keptMs)
  redis.call('ZREM', tag .. ':reservations', attemptId)
end
`;
