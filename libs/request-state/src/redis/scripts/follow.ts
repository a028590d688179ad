import { endedReplyKeptMs, readReplyKeptMs } from "../../limits.ts";
import { requestScript } from "./prelude.ts";

/**
 * ARGV: id after which to read or '', how many entries at most, listener, reader. Returns the
 * entries; whether there is an outcome and all entries were read; its bytes; and the last token of
 * the reply, by which the reader notices that it has missed tokens. This is one script, so that no
 * token can be appended between the last entry and the end.
 *
 * Each read notes the listener and the reader, so a reader in another process, or after Redis lost
 * the request, is notified and counted too. The last reader that has read all lets the stream expire.
 */
export const followScript = requestScript(`
local after, countMax, listener, reader = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local from = after == '' and '-' or '(' .. after
local entries = redis.call('XRANGE', stream, from, '+', 'COUNT', countMax)
local hasEnded, isFull = get('outcomeHash'), #entries == countMax
if hasEnded and not isFull then
  if leave(reader) then
    local leftMs = redis.call('PTTL', stream)
    if leftMs > ${readReplyKeptMs} then redis.call('PEXPIRE', stream, ${readReplyKeptMs}) end
  end
  return {entries, 1, redis.call('GET', answer), lastToken()}
end
if redis.call('EXISTS', request) == 1 then
  enter(reader)
  if not hasEnded then listen(listener) end
end
if hasEnded then redis.call('PEXPIRE', stream, ${endedReplyKeptMs}) end
return {entries, 0, false, false}
`);
