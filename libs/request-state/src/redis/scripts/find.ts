import { redisScript } from "@sluice/redis";
import { prelude } from "./prelude.ts";

/** Changes nothing. Returns nil, or body hash, admitted record, acknowledged, has outcome, its bytes. */
export const findScript = redisScript(
  prelude,
  `
local bodyHash = get('bodyHash')
if not bodyHash then return false end
local outcomeHash = get('outcomeHash')
return {
  bodyHash, admittedRecord(), get('acknowledged') and 1 or 0, outcomeHash and 1 or 0,
  outcomeHash and redis.call('GET', answer)
}
`,
);
