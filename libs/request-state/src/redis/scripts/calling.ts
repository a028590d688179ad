import { requestScript } from "./prelude.ts";

/**
 * ARGV: attempt number, fence, lease in ms. Refused if there is an outcome, because the paid answer would
 * not be used. The lease begins again, because the intent may have taken longer than the first one: the
 * call would otherwise begin without a lease, and another owner would make it a second time.
 */
export const callingScript = requestScript(`
local number, fence, leaseMs = ARGV[1], ARGV[2], tonumber(ARGV[3])
if isFenced(number, fence) or not isLive(phaseOf(number)) or get('outcomeHash') then return 0 end
set(number .. '.state', 'calling', number .. '.leaseUntil', now() + leaseMs)
return 1
`);
