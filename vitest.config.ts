import { defineConfig } from "vitest/config";

/**
 * One Vitest configuration for the whole repository. Every test file runs wherever it is, so no package
 * can forget to include its tests, and no cached result hides a change. The suffixes below mark the suites
 * that need a running stack.
 */
const needsStack = ["**/*.{int,e2e,chaos}.test.ts"];
const never = ["**/node_modules/**", "**/dist/**", "**/.sluice/**", "**/.nx/**"];
// Node receives these conditions for modules that Vitest does not transform. They must not contain
// "import": a CommonJS package such as pg would then load its dependencies as ES modules.
const conditions = ["@sluice/source", "node"];

const shared = {
  ssr: { resolve: { conditions } },
  resolve: { conditions },
};

export default defineConfig({
  test: {
    // The key of this cache in Vitest 5 does not include tsconfig.json, so a changed decorator flag would
    // have no effect.
    fsModuleCache: false,
    projects: [
      {
        ...shared,
        test: {
          name: "unit",
          include: ["**/*.test.ts"],
          exclude: [...never, ...needsStack],
          fsModuleCache: false,
          // A limit against hanging, not a measurement: property tests take seconds on a busy machine.
          testTimeout: 60_000,
        },
      },
      {
        ...shared,
        test: {
          name: "stack",
          include: needsStack,
          exclude: never,
          fsModuleCache: false,
          globalSetup: ["libs/testing/src/global-setup.ts"],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
