/**
 * Lua: how an attempt takes its reservation, and how an outcome gives one back. `@sluice/request-state` composes these
 * functions into the scripts that claim attempts and outcomes. Needs {@link counterLua}.
 */
export const reservationLua = `
-- Reserves what the attempt needs and does not have: all of it for a further attempt, the difference to what the
-- dispatcher reserved for another variant, and nothing if its amount is reserved. Returns nil, or the position of the
-- window that refuses and its allowance; nothing is changed then.
local function claimReservation(tag, epoch, attemptId, dispatchedId, option, windows)
  local key = tag .. ':reservation:' .. attemptId
  local source, sourceId = reservationAt(key), attemptId
  if not isReserved(source, epoch) and dispatchedId ~= attemptId then
    local dispatched = reservationAt(tag .. ':reservation:' .. dispatchedId)
    -- One that is claimed belongs to an attempt that may have been billed.
    if dispatched and dispatched.state == 'open' then source, sourceId = dispatched, dispatchedId end
  end
  if isReserved(source, epoch) then
    if sourceId == attemptId and #option.windows > 0 and isFor(source, option, windows) then
      redis.call('HSET', key, 'state', 'claimed')
      redis.call('ZREM', tag .. ':reservations', attemptId)
      return nil
    end
    subtractReserved(tag, epoch, source)
  end
  local position, leftUsd, leftNano = refusalOf(tag, epoch, option, windows)
  if position then return position, leftUsd, leftNano end
  addReserved(tag, epoch, option, windows)
  writeCounters(epoch)
  if sourceId ~= attemptId then endReservation(tag, sourceId, endedReservationKeptMs) end
  if #option.windows == 0 then
    -- No budget counts the attempt, so no charge would end its reservation.
    endReservation(tag, attemptId, endedReservationKeptMs)
    return nil
  end
  redis.call('ZREM', tag .. ':reservations', attemptId)
  writeReservation(key, epoch, 'claimed', option, windows, '')
  return nil
end

local function releaseIf(tag, attemptId, state)
  local epoch = openEpoch(tag)
  if not epoch then return 0 end
  local reservation = reservationAt(tag .. ':reservation:' .. attemptId)
  if not isReserved(reservation, epoch) or reservation.state ~= state then return 0 end
  subtractReserved(tag, epoch, reservation)
  writeCounters(epoch)
  endReservation(tag, attemptId, endedReservationKeptMs)
  return 1
end

-- Releases a reservation that no attempt has claimed, because its request has ended.
local function releaseOpen(tag, attemptId) return releaseIf(tag, attemptId, 'open') end

-- Releases the reservation of an attempt that cost nothing.
local function releaseClaimed(tag, attemptId) return releaseIf(tag, attemptId, 'claimed') end
`;
