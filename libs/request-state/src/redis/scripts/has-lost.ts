import { requestScript } from "./prelude.ts";

/** ARGV: attempt number. A marker has no attempts, and an outcome. */
export const hasLostScript = requestScript(`
return (phaseOf(ARGV[1]) or get('outcomeHash')) and 0 or 1
`);
