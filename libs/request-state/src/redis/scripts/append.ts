import { requestScript } from "./prelude.ts";

/** ARGV: attempt number, fence, sequence, payload. No token is stored after the outcome. */
export const appendScript = requestScript(`
local number, fence, sequence, payload = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
if isFenced(number, fence) or phaseOf(number) ~= 'calling' then return {'fenced'} end
if get('outcomeHash') then return {'appended', 1} end
local attempt, last = string.match(lastToken() or '', '^(%d+)-(%d+)$')
local isNext = attempt ~= number or sequence > tonumber(last)
if get('reply') == 'live' and isNext then
  redis.call('XADD', stream, '*', 'attempt', number, 'sequence', sequence, 'payload', payload)
  redis.call('PEXPIRE', stream, replyKeptMs)
  set('lastToken', number .. '-' .. sequence)
  wake()
end
return {'appended', get('cancelled') and 1 or 0}
`);
