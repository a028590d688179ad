import { requestScript } from "./prelude.ts";

/**
 * ARGV: attempt number, fence, lease in ms. Refused if there is an outcome, because the paid answer would
 * not be used. The lease begins again, because the intent may have taken longer than the first one: the
 * call would otherwise begin without a lease, and another owner would make it a second time.
 *
 * Refused too if the budgets were rebuilt since the claim: the rebuild may not have seen the intent, and the
 * call would then be made without a reservation. The owner claims the attempt again.
 */
export const callingScript = requestScript(`
local number, fence, leaseMs = ARGV[1], ARGV[2], tonumber(ARGV[3])
if isFenced(number, fence) or not isLive(phaseOf(number)) or get('outcomeHash') then return 0 end
local state = redis.call('HMGET', budgets, 'state', 'epoch')
if state[1] ~= 'ready' or state[2] ~= get(number .. '.epoch') then return 0 end
set(number .. '.state', 'calling', number .. '.leaseUntil', now() + leaseMs)
return 1
`);
