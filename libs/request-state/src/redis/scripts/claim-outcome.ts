import { redisScript } from "@sluice/redis";
import { prelude } from "./prelude.ts";

/**
 * ARGV: outcome's bytes, their hash, its kind, hit or decision. Answers won, lost, answer-gone or
 * attempt-held; with the bytes of the outcome that stands, unless they came with this call.
 */
export const claimOutcomeScript = redisScript(
  prelude,
  `
local bytes, hash, kind, by = unpack(ARGV)
local stands = get('outcomeHash')
if stands then
  local first = redis.call('GET', answer)
  if not first then return {'answer-gone'} end
  local isOurs = stands == hash or (by == 'hit' and get('outcomeBy') == 'hit')
  return {isOurs and 'won' or 'lost', first}
end
if by == 'hit' then
  for number = 1, attemptsMax do
    local phase = phaseOf(number)
    if isLive(phase) or phase == 'finished' then return {'attempt-held'} end
  end
end
setOutcome(bytes, hash, kind, by)
return {'won'}
`,
);
