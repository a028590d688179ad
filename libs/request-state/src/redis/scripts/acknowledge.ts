import { redisScript } from "@sluice/redis";
import { prelude } from "./prelude.ts";

/** Where the hash is gone there is nothing to note: a repeat publishes again, which is harmless. */
export const acknowledgeScript = redisScript(
  prelude,
  `
if get('bodyHash') then
  set('acknowledged', '1')
  dropMessages()
end
return 1
`,
);
