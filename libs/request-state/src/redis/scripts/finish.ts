import { requestScript } from "./prelude.ts";

/**
 * ARGV: attempt number, fence, usage or '', outcome's bytes, their hash, its kind. Returns the
 * bytes of the stored outcome, unless this call has set it.
 */
export const finishScript = requestScript(`
local number, fence, metered, bytes, hash, kind = unpack(ARGV)
local phase = phaseOf(number)
if isFenced(number, fence) or not (phase == 'calling' or phase == 'finished') then return {'fenced'} end
if phase == 'calling' then
  set(number .. '.state', 'finished')
  if metered ~= '' then set(number .. '.metered', metered) end
  if not get('outcomeHash') then
    setOutcome(bytes, hash, kind, 'attempt-' .. number)
    return {'won'}
  end
end
local first = redis.call('GET', answer)
if not first then return {'answer-gone'} end
return {get('outcomeBy') == 'attempt-' .. number and 'won' or 'lost', first}
`);
