import { reservingScript } from "./prelude.ts";

/**
 * ARGV: outcome's bytes, their hash, its kind, hit, decision or abandoned, the id of the request's first attempt. Returns
 * won, lost, answer-gone or attempt-held, with the bytes of the stored outcome unless this call has set it. What is
 * reserved for a request that ends without an attempt is released.
 */
export const claimOutcomeScript = reservingScript(`
local bytes, hash, kind, by, firstAttemptId = unpack(ARGV)
if get('outcomeHash') then
  local first = redis.call('GET', answer)
  if not first then return {'answer-gone'} end
  local isOurs = first == bytes or (by == 'hit' and get('outcomeBy') == 'hit')
  return {isOurs and 'won' or 'lost', first}
end
local before = attemptsBefore()
for number = before + 1, before + attemptsMax do
  local phase = phaseOf(number)
  if by == 'hit' and (isLive(phase) or phase == 'finished') then return {'attempt-held'} end
  if by == 'decision' and phase == 'calling' and leaseLeft(number) > 0 then return {'attempt-held'} end
end
setOutcome(bytes, hash, kind, by)
releaseOpen(tag, firstAttemptId)
return {'won'}
`);
