import { removeDataDir } from "./guard.ts";

// See guard.ts. Ends with its parent, or when it is dismissed.
const [, , dataDir] = process.argv;
let said = "";
process.stdin.setEncoding("utf8");
for await (const text of process.stdin) said += String(text);
if (said === "" && dataDir) await removeDataDir(dataDir, process.env);
