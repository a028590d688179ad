import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { type Profile, sharesOf } from "./report/profile.ts";
import { tableOf } from "./report/table.ts";

// Prints how much CPU each package and function used in the given profiles. `--from` skips the first seconds.
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { from: { type: "string", default: "15" }, rows: { type: "string", default: "20" } },
});
for (const file of positionals) {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by Node
  const profile = JSON.parse(readFileSync(file, "utf8")) as Profile;
  const { busyMs, packages, functions } = sharesOf(profile, Number(values.from) * 1000);
  const rows = (shares: typeof packages): (string | number)[][] =>
    shares
      .slice(0, Number(values.rows))
      .map(([name, ms]) => [`${((ms / busyMs) * 100).toFixed(1)} %`, Math.round(ms), name]);
  process.stdout.write(
    `${basename(file)}: ${Math.round(busyMs)} ms busy\n\n` +
      `${tableOf(["share", "ms", "package"], rows(packages))}\n\n` +
      `${tableOf(["share", "ms", "function"], rows(functions))}\n\n`,
  );
}
