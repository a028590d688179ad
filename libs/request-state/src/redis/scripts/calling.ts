import { requestScript } from "./prelude.ts";

/** ARGV: attempt number, fence. Refused if there is an outcome, because the paid answer would not be used. */
export const callingScript = requestScript(`
local number, fence = ARGV[1], ARGV[2]
if isFenced(number, fence) or not isLive(phaseOf(number)) or get('outcomeHash') then return 0 end
set(number .. '.state', 'calling')
return 1
`);
