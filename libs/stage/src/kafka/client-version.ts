import { createRequire } from "node:module";
import { assert } from "@sluice/domain";
import type { StageFaultCode } from "../core/faults.ts";

/** The version of kafkajs whose internals this folder replaces: docs/decisions/0008-kafkajs-and-its-patches.md. */
const supported = "2.2.4";
const unsupported: StageFaultCode = "STAGE_KAFKAJS_UNSUPPORTED";

/**
 * Checks the installed version before a patch is applied. In another version, a patch could be without effect,
 * or could lose messages, and no test of that version has been run.
 *
 * @throws Defect `STAGE_KAFKAJS_UNSUPPORTED`
 */
export function assertClientVersion(installed: string = installedVersion()): void {
  assert(
    installed === supported,
    unsupported,
    `kafkajs ${installed} is installed, but Sluice needs ${supported}, whose internals it replaces. Run "npm ci", which installs the version in package-lock.json.`,
  );
}

function installedVersion(): string {
  const load = createRequire(import.meta.url);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- npm demands a version of every package
  return (load("kafkajs/package.json") as { readonly version: string }).version;
}
