import { defineConfig } from "vitest/config";

/**
 * One Vitest for the whole tree, so that a test file placed anywhere is run and
 * its lines are printed: no package can forget an `include`, and no cached pass
 * hides a change. Suites that need the running stack have names of their own.
 */
const needsStack = ["**/*.{int,e2e,chaos}.test.ts"];
const never = ["**/node_modules/**", "**/dist/**", "**/.sluice/**", "**/.nx/**"];
// Passed on to Node for what is not transformed: with "import" among them, a
// CommonJS package such as pg is given its dependencies as ES modules.
const conditions = ["@sluice/source", "node"];

const shared = {
  ssr: { resolve: { conditions } },
  resolve: { conditions },
};

export default defineConfig({
  test: {
    // Vitest 5 keys this cache on the module, not on tsconfig.json: a changed
    // decorator flag would go unnoticed.
    fsModuleCache: false,
    projects: [
      {
        ...shared,
        test: {
          name: "unit",
          include: ["**/*.test.ts"],
          exclude: [...never, ...needsStack],
          fsModuleCache: false,
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
