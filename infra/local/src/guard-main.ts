import { removeDataDir } from "./guard.ts";

// The guard process of guard.ts. Its standard input closes when its parent exits. If the parent
// dismissed the guard first, it wrote a word to the input; otherwise the guard removes the data directory.
const [, , dataDir] = process.argv;
let received = "";
process.stdin.setEncoding("utf8");
for await (const text of process.stdin) received += String(text);
if (received === "" && dataDir) await removeDataDir(dataDir, process.env);
