import { requestScript } from "./prelude.ts";

/** ARGV: attempt number, fence, lease in ms. An expired lease is renewed unless another owner has taken over. */
export const renewScript = requestScript(`
local number, fence, leaseMs = ARGV[1], ARGV[2], tonumber(ARGV[3])
if isFenced(number, fence) or not isLive(phaseOf(number)) then return {'fenced'} end
set(number .. '.leaseUntil', now() + leaseMs)
return {'renewed', (get('cancelled') or get('outcomeHash')) and 1 or 0}
`);
