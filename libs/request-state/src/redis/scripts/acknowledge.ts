import { redisScript } from "@sluice/redis";
import { prelude } from "./prelude.ts";

/** Does nothing if the hash has expired. A repeat then publishes the record again, which is harmless. */
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
