import { requestScript } from "./prelude.ts";

/** ARGV: body hash. Changes nothing. Returns nil for an unknown id, and otherwise what `admitScript` returns to a repeat. */
export const findScript = requestScript(`
if not get('bodyHash') then return false end
return repeated(ARGV[1])
`);
