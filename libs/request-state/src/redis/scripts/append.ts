import { redisScript } from "@sluice/redis";
import { prelude } from "./prelude.ts";

/** ARGV: attempt number, fence, sequence, payload. No token is stored after the outcome. */
export const appendScript = redisScript(
  prelude,
  `
local number, fence, sequence, payload = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
if isFenced(number, fence) or phaseOf(number) ~= 'calling' then return {'fenced'} end
if get('outcomeHash') then return {'appended', 1} end
local last = tonumber(get(number .. '.sequence') or -1)
if get('reply') == 'live' and sequence > last then
  redis.call('XADD', stream, '*', 'attempt', number, 'sequence', sequence, 'payload', payload)
  redis.call('PEXPIRE', stream, replyKeptMs)
  set(number .. '.sequence', sequence, 'began', '1')
  wake()
end
return {'appended', get('cancelled') and 1 or 0}
`,
);
