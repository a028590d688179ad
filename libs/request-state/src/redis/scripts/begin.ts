import { requestScript } from "./prelude.ts";

/** ARGV: owner, lease in ms. Returns the fence, or nil if the request has more than its admission. */
export const beginScript = requestScript(`
if get('outcomeHash') or get('cancelled') or phaseOf(1) then return false end
return hold(1, ARGV[1], tonumber(ARGV[2]))
`);
