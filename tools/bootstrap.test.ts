import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { root } from "./tree.ts";

/** What `node tools/bootstrap.mjs` finds: its properties replace those of `process` before it starts. */
interface Machine {
  readonly version: string;
  readonly platform: string;
  readonly arch: string;
}

function bootstrapOn(machine: Machine): {
  readonly status: number | null;
  readonly stderr: string;
} {
  const lines = Object.entries(machine).map(
    ([name, value]) => `Object.defineProperty(process, "${name}", { value: "${value}" });`,
  );
  const preload = `data:text/javascript,${encodeURIComponent(lines.join(""))}`;
  return spawnSync(process.execPath, ["--import", preload, "tools/bootstrap.mjs", "true"], {
    cwd: root,
    encoding: "utf8",
  });
}

test.each([
  [{ version: "v20.19.0", platform: "darwin", arch: "arm64" }, "darwin-arm64"],
  [{ version: "v22.1.0", platform: "darwin", arch: "x64" }, "darwin-x64"],
  [{ version: "v20.19.0", platform: "linux", arch: "riscv64" }, "linux-riscv64"],
])(
  "an older Node on a platform without a packaged Node ends with what to install: %o",
  (machine, platform) => {
    const { status, stderr } = bootstrapOn(machine);
    expect(status).toBe(1);
    expect(stderr).toBe(
      `Sluice needs Node 24 or later, and ${machine.version} is installed. It brings its own Node on linux-arm64, linux-x64, win-x64 only, and this is ${platform}. Install Node 24, and run the command again.\n`,
    );
  },
);
