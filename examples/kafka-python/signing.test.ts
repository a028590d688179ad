import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const python = process.env["SLUICE_TEST_PYTHON"] ?? "python3";
const vectorsPath = join(import.meta.dirname, "../../schemas/request-signature.vectors.json");

const shownBy = (...args: readonly string[]): Promise<string> =>
  promisify(execFile)(python, args, { cwd: import.meta.dirname }).then(({ stdout }) => stdout);

function vectorCount(): number {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the test fails on any other shape
  const { vectors } = JSON.parse(readFileSync(vectorsPath, "utf8")) as { vectors: unknown[] };
  return vectors.length;
}

/** For machines without Python: the names of the headers that the program writes. */
function headersInSource(): string {
  const source = readFileSync(join(import.meta.dirname, "signing.py"), "utf8");
  return [...source.matchAll(/"(sluice-[a-z-]+)":/g)].map(([, name]) => name).join(" ");
}

test("the Python example computes the signature of every test vector; without Python its headers are compared", async () => {
  const hasPython = await shownBy("-c", "pass").then(
    () => true,
    () => false,
  );
  const shown = hasPython ? await shownBy("-B", "check_signing.py") : headersInSource();
  const expected = hasPython
    ? `${vectorCount()} signatures are right\n`
    : "sluice-key-id sluice-issued-at sluice-signature";
  expect(shown).toBe(expected);
});
