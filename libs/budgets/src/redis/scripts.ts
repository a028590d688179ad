import { oomExemptScript, redisScript } from "@sluice/redis";
import { endedReservationKeptMs, refusalKeptMs } from "../limits.ts";
import { counterLua } from "./counters.ts";
import { reservationLua } from "./reservations.ts";

/** Lua that other packages compose into their scripts. */
export const budgetLua = `
local endedReservationKeptMs = ${endedReservationKeptMs}
${counterLua}
${reservationLua}
`;

/**
 * ARGV: tag, attempt id, when an unclaimed reservation expires, windows, options. Returns rebuilding; ended; granted with
 * the positions of all options that fit; or refused with the position of the window, its allowance and the position of
 * the option. Redis refuses this script at its memory limit, because it begins work.
 */
export const reserveScript = redisScript(
  budgetLua,
  `
local tag, attemptId, expiresAt = ARGV[1], ARGV[2], ARGV[3]
local epoch = openEpoch(tag)
if not epoch then return {'rebuilding'} end
local key = tag .. ':reservation:' .. attemptId
local existing = reservationAt(key)
if existing and existing.state == 'done' then return {'ended'} end
local windows, at = windowsFrom(4)
local options = optionsFrom(at)
if isReserved(existing, epoch) then
  if existing.state == 'claimed' then return {'ended'} end
  local first = options[tonumber(string.match(existing.granted, '%d+'))]
  if first and isFor(existing, first, windows) then return {'granted', existing.granted} end
  subtractReserved(tag, epoch, existing)
end
local granted, chosen, cheapest, shortage = {}, nil, nil, nil
for index, option in ipairs(options) do
  local position, leftUsd, leftNano = refusalOf(tag, epoch, option, windows)
  if not position then
    granted[#granted + 1] = index
    chosen = chosen or option
  elseif not cheapest or exceeds(cheapest.usd, cheapest.nano, option.usd, option.nano) then
    cheapest, shortage = option, {'refused', position, digits(leftUsd), leftNano, index}
  end
end
if not chosen then
  writeCounters(epoch)
  endReservation(tag, attemptId, ${refusalKeptMs})
  return shortage
end
addReserved(tag, epoch, chosen, windows)
writeCounters(epoch)
local names = table.concat(granted, ' ')
writeReservation(key, epoch, 'open', chosen, windows, names)
redis.call('ZADD', tag .. ':reservations', expiresAt, attemptId)
return {'granted', names}
`,
);

/**
 * ARGV: tag, partition, and for each charge of the partition, in order: attempt id, sequence, whether the ledger has just
 * stored it, amount, windows. Returns rebuilding or settled.
 *
 * The ledger numbers the charges of a partition in the order in which they are settled, so the last number says which are
 * settled. A new charge with a known number is from a ledger that was restored from a backup: the counters are then
 * rebuilt.
 */
export const settleScript = oomExemptScript(
  budgetLua,
  `
local tag, partition = ARGV[1], ARGV[2]
local epoch = openEpoch(tag)
if not epoch then return 'rebuilding' end
local state, field = tag .. ':budgets', 'settled.' .. partition
local last = tonumber(redis.call('HGET', state, field) or '0')

local function settle(attemptId, usd, nano, windows)
  local reservation = reservationAt(tag .. ':reservation:' .. attemptId)
  if isReserved(reservation, epoch) then
    subtractReserved(tag, epoch, reservation)
    endReservation(tag, attemptId, endedReservationKeptMs)
  end
  for _, window in ipairs(windows) do
    local counter = counterOf(tag, epoch, window.id)
    limitBy(counter, window)
    counter.spentUsd, counter.spentNano = plus(counter.spentUsd, counter.spentNano, usd, nano)
    counter.changed, counter.isSpent, counter.expiry = true, true, window.expiry
  end
end

local at = 3
while at <= #ARGV do
  local sequence, isNew = tonumber(ARGV[at + 1]), ARGV[at + 2] == '1'
  local windows, after = windowsFrom(at + 5)
  if sequence > last then
    settle(ARGV[at], tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), windows)
    last = sequence
  elseif isNew then
    redis.call('HSET', state, 'state', 'lost')
    return 'rebuilding'
  end
  at = after
end
writeCounters(epoch)
redis.call('HSET', state, field, digits(last))
return 'settled'
`,
);

/** ARGV: tag, the most reservations. Returns rebuilding, or how many reservations were released. */
export const expireScript = oomExemptScript(
  budgetLua,
  `
local tag = ARGV[1]
if not openEpoch(tag) then return 'rebuilding' end
local due = redis.call('ZRANGE', tag .. ':reservations', '-inf', nowMs(), 'BYSCORE', 'LIMIT', 0, tonumber(ARGV[2]))
local released = 0
for _, attemptId in ipairs(due) do
  counters = {}
  released = released + releaseOpen(tag, attemptId)
  redis.call('ZREM', tag .. ':reservations', attemptId)
end
return released
`,
);

/** ARGV: tag, ids of windows. Returns rebuilding, or the amounts of each: spent, reserved, limit or ''. */
export const readScript = redisScript(
  budgetLua,
  `
local tag = ARGV[1]
local epoch = openEpoch(tag)
if not epoch then return 'rebuilding' end
local amounts = {}
for index = 2, #ARGV do
  local counter = counterOf(tag, epoch, ARGV[index])
  amounts[#amounts + 1] = {
    digits(counter.spentUsd), counter.spentNano, digits(counter.reservedUsd), counter.reservedNano,
    counter.limitUsd and digits(counter.limitUsd) or '', counter.limitNano or 0
  }
end
return amounts
`,
);

/** ARGV: tag. Returns the state or '', when a rebuild began, and the epoch or -1. */
export const stateScript = redisScript(`
local stored = redis.call('HMGET', ARGV[1] .. ':budgets', 'state', 'began', 'epoch')
return {stored[1] or '', math.floor(tonumber(stored[2] or '0')), tonumber(stored[3] or '-1')}
`);

/** ARGV: tag, token. */
export const beginRebuildScript = oomExemptScript(`
local state = ARGV[1] .. ':budgets'
local time = redis.call('TIME')
redis.call('HSET', state, 'state', 'rebuilding', 'token', ARGV[2],
  'began', time[1] * 1000 + math.floor(time[2] / 1000))
return 1
`);

const isOurRebuild = `
local function isOurs(tag, token)
  local state = redis.call('HMGET', tag .. ':budgets', 'state', 'token')
  return state[1] == 'rebuilding' and state[2] == token
end
`;

/** ARGV: tag, token, epoch, and for each window its id, the amount that was spent and its expiry. Returns whether the rebuild is this one. */
export const restoreSpentScript = oomExemptScript(
  isOurRebuild,
  counterLua,
  `
local tag, epoch = ARGV[1], ARGV[3]
if not isOurs(tag, ARGV[2]) then return 0 end
for at = 4, #ARGV, 4 do
  local key = tag .. ':budget:' .. ARGV[at]
  redis.call('DEL', key)
  redis.call('HSET', key, 'epoch', epoch, 'spentUsd', ARGV[at + 1], 'spentNano', ARGV[at + 2],
    'reservedUsd', 0, 'reservedNano', 0)
  expireCounter(key, ARGV[at + 3], true)
end
return 1
`,
);

/**
 * ARGV: tag, token, epoch, attempt id, windows, one option. Restores the reservation of an attempt that may be billed, and
 * refuses nothing. Returns whether the rebuild is this one. May be repeated.
 */
export const restoreOpenScript = oomExemptScript(
  isOurRebuild,
  budgetLua,
  `
local tag, epoch, attemptId = ARGV[1], ARGV[3], ARGV[4]
if not isOurs(tag, ARGV[2]) then return 0 end
local key = tag .. ':reservation:' .. attemptId
if isReserved(reservationAt(key), epoch) then return 1 end
local windows, at = windowsFrom(5)
local option = optionsFrom(at)[1]
addReserved(tag, epoch, option, windows)
writeCounters(epoch)
writeReservation(key, epoch, 'claimed', option, windows, '')
return 1
`,
);

/** ARGV: tag, token, epoch, and for each partition its number and the last sequence. Returns whether the rebuild was this one. */
export const endRebuildScript = oomExemptScript(
  isOurRebuild,
  `
local tag, epoch = ARGV[1], ARGV[3]
local state = tag .. ':budgets'
if not isOurs(tag, ARGV[2]) then return 0 end
local time = redis.call('TIME')
-- No reservation of an older epoch is in a counter, so none has to expire.
redis.call('DEL', state, tag .. ':reservations')
redis.call('HSET', state, 'state', 'ready', 'epoch', epoch, 'since', time[1] * 1000 + math.floor(time[2] / 1000))
for at = 4, #ARGV, 2 do redis.call('HSET', state, 'settled.' .. ARGV[at], ARGV[at + 1]) end
return 1
`,
);
