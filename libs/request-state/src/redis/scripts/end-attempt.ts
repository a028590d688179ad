import { requestScript } from "./prelude.ts";

/** ARGV: attempt number, fence, failed or released, reason, usage or ''. Only an attempt that has made no call can be released. */
export const endAttemptScript = requestScript(`
local number, fence, state, reason, metered = unpack(ARGV)
if isFenced(number, fence) then return 0 end
local phase = phaseOf(number)
if phase == state then return 1 end
if not (phase == 'held' or (phase == 'calling' and state == 'failed')) then return 0 end
set(number .. '.state', state, number .. '.reason', reason)
if metered ~= '' then set(number .. '.metered', metered) end
return 1
`);
