import { reserveForAttempt, reservingScript } from "./prelude.ts";

/**
 * ARGV: attempt number, owner, lease in ms, admittedAt, and what the attempt needs, see {@link reserveForAttempt}. The
 * fence rises with each owner, and when the attempt becomes doubtful. Nothing is changed if a budget refuses.
 */
export const claimAttemptScript = reservingScript(`
${reserveForAttempt}
local number, owner, leaseMs, admittedAt = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if get('outcomeHash') then return {'outcome-set', redis.call('GET', answer)} end
if not openEpoch(tag) then return {'rebuilding'} end
local before = attemptsBeforeOf(admittedAt)
if number <= before or number > before + attemptsMax then return {'not-next'} end
if number > before + 1 and not hasEnded(phaseOf(number - 1)) then return {'not-next'} end

local phase = phaseOf(number)
if phase == 'doubt' then return {'in-doubt'} end
if hasEnded(phase) then return {'ended', attempt(number, owner)} end
local left = leaseLeft(number, owner)
if left > 0 then return {'busy', left} end

if phase == 'calling' then
  raiseFence(number)
  set(number .. '.state', 'doubt')
  return {'in-doubt'}
end
local refused = reserveFor(5)
if refused then return refused end
if before > 0 then set('before', before) end
return {'held', hold(number, owner, leaseMs)}
`);
