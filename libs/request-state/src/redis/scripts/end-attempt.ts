import { reservingScript } from "./prelude.ts";

/**
 * ARGV: attempt number, fence, failed or released, reason, usage or '', and the id of an attempt that cost nothing or ''.
 * Only an attempt that has made no call can be released. What is reserved for an attempt that cost nothing is released at
 * once, so that a further attempt can have it; every other reservation ends with its charge.
 */
export const endAttemptScript = reservingScript(`
local number, fence, state, reason, metered, freeAttemptId = unpack(ARGV)
if isFenced(number, fence) then return 0 end
local phase = phaseOf(number)
if phase == state then return 1 end
if not (phase == 'held' or (phase == 'calling' and state == 'failed')) then return 0 end
set(number .. '.state', state, number .. '.reason', reason)
if metered ~= '' then set(number .. '.metered', metered) end
if freeAttemptId ~= '' then releaseClaimed(tag, freeAttemptId) end
return 1
`);
