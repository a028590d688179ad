import { redisScript } from "@sluice/redis";
import { joinableMs } from "../../limits.ts";
import { prelude } from "./prelude.ts";

/**
 * KEYS[5], if an SDK's retry may join, points to the request. ARGV: body hash, record without its
 * body, reply mode, listener or '', reader or '', request id. Returns first; conflict; or repeat with
 * the stored record or nil, whether it is acknowledged, whether there is an outcome, and its bytes.
 *
 * A hash without a body hash was created by a claim after Redis had lost the request. The claim's
 * stage read the record from Kafka, so the record counts as acknowledged, and a stored outcome is
 * returned.
 *
 * This is the only script of a request that Redis refuses when it has reached its memory limit,
 * and it writes nothing before it is refused. A repeat writes nothing and is answered.
 */
export const admitScript = redisScript(
  prelude,
  `
local bodyHash, record, reply, listener, reader, requestId = unpack(ARGV)
if get('bodyHash') then return repeated(bodyHash) end
local hasEnded, isAttempted = get('outcomeHash'), phaseOf(attemptsBefore() + 1)
if hasEnded then
  set('bodyHash', bodyHash)
else
  set('bodyHash', bodyHash, 'record', record, 'reply', reply)
  if isAttempted then set('acknowledged', '1') end
  if listener ~= '' then listen(listener) end
  if reader ~= '' then enter(reader) end
end
if KEYS[5] then redis.call('SET', KEYS[5], requestId, 'NX', 'PX', ${joinableMs}) end
if hasEnded or isAttempted then return repeated(bodyHash) end
return {'first'}
`,
);
