import { createRequire } from "node:module";
import { assert } from "@sluice/domain";
import type { ContractFaultCode } from "./topic-codecs.ts";

/** The version of avsc whose private methods our types override. */
const supported = "5.7.9";
const unsupported: ContractFaultCode = "CONTRACT_AVSC_UNSUPPORTED";

/**
 * Checks the installed version before our types are used. In another version, an override could be without
 * effect: a message of 14 bytes could then fill the memory of its reader.
 *
 * @throws Defect `CONTRACT_AVSC_UNSUPPORTED`
 */
export function assertAvscVersion(installed: string = installedVersion()): void {
  assert(
    installed === supported,
    unsupported,
    `avsc ${installed} is installed, but Sluice needs ${supported}, whose private methods it overrides. Run "npm ci", which installs the version in package-lock.json.`,
  );
}

function installedVersion(): string {
  const load = createRequire(import.meta.url);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- npm demands a version of every package
  return (load("avsc/package.json") as { readonly version: string }).version;
}
