import {
  answerKeptAfterDeadlineMs,
  answerKeptMinMs,
  rememberedAnswerKeptMs,
} from "../../limits.ts";
import { requestScript } from "./prelude.ts";

/**
 * ARGV: remembered (1 or 0), deadline, and the numbers of the attempts whose usage is acknowledged,
 * with a space between. Only the first call sets how long the answer is kept, so that a redelivery
 * does not extend the time.
 *
 * If no call runs and the usage of all attempts is acknowledged, a marker replaces the hash. By the
 * marker, every later claim, attempt, repeat and reader finds that there is an outcome. It fences the
 * owner of a call whose lease has expired, which then publishes its own usage.
 */
export const publishedScript = requestScript(`
local remembered, deadlineAt, acknowledged = ARGV[1], tonumber(ARGV[2]), ARGV[3]
-- A marker has no outcomeBy.
if not get('outcomeHash') or not get('outcomeBy') then return 0 end
if redis.call('HSETNX', request, 'published', '1') == 1 then
  local at = now() + ${rememberedAnswerKeptMs}
  if remembered ~= '1' then
    at = math.max(deadlineAt + ${answerKeptAfterDeadlineMs}, now() + ${answerKeptMinMs})
  end
  redis.call('PEXPIREAT', answer, at)
end

local before = attemptsBefore()
for number = before + 1, before + attemptsMax do
  local phase = phaseOf(number)
  if phase == 'calling' and leaseLeft(number) > 0 then return 0 end
  local owesUsage = phase == 'held' or get(number .. '.metered')
  if owesUsage and not contains(acknowledged, tostring(number)) then return 0 end
end
local marker = {'outcomeHash', get('outcomeHash'), 'outcomeKind', get('outcomeKind')}
local function keep(field)
  local value = get(field)
  if value then
    marker[#marker + 1] = field
    marker[#marker + 1] = value
  end
end
keep('bodyHash')
keep('before')
-- A slow reader may still read the stream.
keep('lastToken')
if redis.call('EXISTS', stream) == 1 then keep('readers') end
-- A hash that was large keeps its large encoding, so it is created again.
redis.call('DEL', request)
set(unpack(marker))
return 1
`);
