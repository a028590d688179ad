import { requestScript } from "./prelude.ts";

/**
 * ARGV: reader. Cancels the request if its last reader leaves. Also works for a request that Redis
 * has lost, because its attempt may still run. Returns whether the request is cancelled.
 */
export const cancelScript = requestScript(`
local isLast = leave(ARGV[1])
if get('outcomeHash') or not isLast then return 0 end
set('cancelled', '1')
return 1
`);
