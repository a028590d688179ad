/**
 * The programs of the image, by the name that its entry point receives. The values are folders with a
 * built `dist/main.js`. The services are written out instead of imported from `@sluice/local-stack`,
 * because every container would then load the local stack at its start; a test compares the two lists.
 */
export const programs: Readonly<Record<string, string>> = {
  ingress: "services/ingress",
  "cache-lookup": "services/cache-lookup",
  classifier: "services/classifier",
  dispatcher: "services/dispatcher",
  "inference-adapter": "services/inference-adapter",
  "cost-accountant": "services/cost-accountant",
  simulator: "tools/provider-simulator",
  sluice: "tools/cli",
};

/** Returns the file of a program, relative to the repository's root, which is the image's working directory. */
export function mainOf(folder: string): string {
  return `${folder}/dist/main.js`;
}
