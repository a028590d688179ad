import { requestScript } from "./prelude.ts";

/** Does nothing if the request is unknown or has ended, because no repeat publishes its record then. */
export const acknowledgeScript = requestScript(`
if get('bodyHash') and not get('outcomeHash') then set('acknowledged', '1') end
return 1
`);
