import { reserveForAttempt, reservingScript } from "./prelude.ts";

/**
 * ARGV: owner, lease in ms, admittedAt, and what the attempt needs, see {@link reserveForAttempt}. Returns nil if the
 * request has more than its admission, or may have been attempted before Redis lost it.
 */
export const beginScript = reservingScript(`
${reserveForAttempt}
if get('outcomeHash') or get('cancelled') or phaseOf(1) then return false end
if not openEpoch(tag) then return {'rebuilding'} end
if attemptsBeforeOf(tonumber(ARGV[3])) > 0 then return false end
local refused = reserveFor(4)
if refused then return refused end
return {'held', hold(1, ARGV[1], tonumber(ARGV[2]))}
`);
