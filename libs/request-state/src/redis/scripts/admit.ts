import { redisScript } from "@sluice/redis";
import { joinableMs } from "../../limits.ts";
import { prelude } from "./prelude.ts";

/**
 * KEYS[4], if an SDK's retry may join, points to the request. ARGV: body hash, admitted record, the
 * same without messages, reply mode, listener or '', request id. Returns first; conflict; or repeat
 * with the first record, whether it is acknowledged, whether there is an outcome, and its bytes.
 *
 * A hash without a body was created by a claim after Redis had lost the request. The claim's stage
 * read the record from Kafka, so the record counts as acknowledged, and a stored outcome is returned.
 */
export const admitScript = redisScript(
  prelude,
  `
local bodyHash, admitted, withoutMessages, reply, listener, requestId = unpack(ARGV)
local known = get('bodyHash')
if known and known ~= bodyHash then return {'conflict'} end
if not known then
  local outlived = get('outcomeHash') or phaseOf(1)
  set('bodyHash', bodyHash, 'admitted', admitted, 'withoutMessages', withoutMessages, 'reply', reply)
  if outlived then
    set('acknowledged', '1')
    dropMessages()
  end
  if listener ~= '' then set('listeners', listener) end
  if KEYS[4] then redis.call('SET', KEYS[4], requestId, 'NX', 'PX', ${joinableMs}) end
  if not outlived then return {'first'} end
end
local outcomeHash = get('outcomeHash')
return {
  'repeat', admittedRecord(), get('acknowledged') and 1 or 0, outcomeHash and 1 or 0,
  outcomeHash and redis.call('GET', answer)
}
`,
);
