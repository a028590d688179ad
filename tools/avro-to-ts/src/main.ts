import { generate } from "./generate.ts";

// node tools/avro-to-ts/dist/main.js [--release]
const { written } = generate({ release: process.argv.includes("--release") });
for (const file of written) process.stdout.write(`wrote ${file}\n`);
