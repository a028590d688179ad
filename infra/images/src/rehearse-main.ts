import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseDockerfile } from "./dockerfile.ts";
import { rehearse } from "./rehearse.ts";

const packageRoot = dirname(import.meta.dirname);
const [target, until = "image"] = process.argv.slice(2);
if (target === undefined) {
  process.stderr.write("Usage: node infra/images/dist/rehearse-main.js <new folder> [stage]\n");
  process.exitCode = 1;
} else {
  mkdirSync(target);
  const stages = parseDockerfile(readFileSync(join(packageRoot, "Dockerfile"), "utf8"));
  const root = resolve(packageRoot, "..", "..");
  const folder = rehearse(stages, { root, target: resolve(target), until });
  process.stdout.write(`${folder}\n`);
}
