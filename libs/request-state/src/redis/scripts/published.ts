import { redisScript } from "@sluice/redis";
import {
  answerKeptAfterDeadlineMs,
  answerKeptMinMs,
  rememberedAnswerKeptMs,
} from "../../limits.ts";
import { prelude } from "./prelude.ts";

/** ARGV: remembered (1 or 0), deadline. Only the first call has an effect, so that a redelivery does not extend the time. */
export const publishedScript = redisScript(
  prelude,
  `
local remembered, deadlineAt = ARGV[1], tonumber(ARGV[2])
if get('outcomeHash') and redis.call('HSETNX', request, 'published', '1') == 1 then
  local at = now() + ${rememberedAnswerKeptMs}
  if remembered ~= '1' then
    at = math.max(deadlineAt + ${answerKeptAfterDeadlineMs}, now() + ${answerKeptMinMs})
  end
  redis.call('PEXPIREAT', answer, at)
  dropMessages()
end
return 1
`,
);
