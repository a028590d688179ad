/** What the image can run, by the name that it is given: folders with a built `dist/main.js`. */
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

/** Relative to the root of the repository, which is the image's working directory. */
export function mainOf(folder: string): string {
  return `${folder}/dist/main.js`;
}
