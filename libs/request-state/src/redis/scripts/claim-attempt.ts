import { requestScript } from "./prelude.ts";

/** ARGV: attempt number, owner, lease in ms. The fence rises with each owner, and when the attempt becomes doubtful. */
export const claimAttemptScript = requestScript(`
local number, owner, leaseMs = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
if get('outcomeHash') then return {'outcome-set', redis.call('GET', answer)} end
if number < 1 or number > attemptsMax then return {'not-next'} end
if number > 1 and not hasEnded(phaseOf(number - 1)) then return {'not-next'} end

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
return {'held', hold(number, owner, leaseMs)}
`);
