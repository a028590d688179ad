import { defineConfig } from "vitest/config";

/**
 * One Vitest configuration for the whole repository. Every test file runs wherever it is, so no package
 * can forget to include its tests, and no cached result hides a change. The suffixes below mark the suites
 * that need a running stack.
 *
 * Files run at the same time if they share nothing: unit tests, and suites that start servers of their own. Both
 * spend most of their time waiting. The suites on the stack of the run follow, two at a time. Those that would
 * disturb another one, or that another one would disturb, are last and alone.
 */
const needsStack = ["**/*.{int,e2e,chaos}.test.ts"];
/** Suites that start all of their servers themselves, in a data directory and on ports of their own. */
const ownStack = [
  "e2e/chaos/short.chaos.test.ts",
  "infra/local/test/*.int.test.ts",
  "tools/cli/test/{accounts,neighbours,tenants,up}.int.test.ts",
];
/** Suites that measure how long something takes, and suites that fill a shared server or make it forget. */
const alone = [
  "e2e/chaos/{budgets,kill,redis}.chaos.test.ts",
  "e2e/connections/refusals.e2e.test.ts",
  "e2e/{fuzz,hostile}/*.e2e.test.ts",
  "libs/{redis,request-state}/test/*.int.test.ts",
  "libs/stage/test/producer.int.test.ts",
  "services/ingress/test/{full-redis,limits}.int.test.ts",
  "tools/documented-commands.e2e.test.ts",
];
const never = ["**/node_modules/**", "**/dist/**", "**/.sluice/**", "**/.nx/**"];
// Node receives these conditions for modules that Vitest does not transform. They must not contain
// "import": a CommonJS package such as pg would then load its dependencies as ES modules.
const conditions = ["@sluice/source", "node"];

const shared = {
  ssr: { resolve: { conditions } },
  resolve: { conditions },
};

/** By default Vitest leaves one core to itself, so that a machine of two cores would run one file at a time. */
const onAllCores = { maxWorkers: "100%" };

const onSharedStack = {
  fsModuleCache: false,
  globalSetup: ["libs/testing/src/global-setup.ts"],
  testTimeout: 60_000,
  hookTimeout: 120_000,
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
          ...onAllCores,
        },
      },
      {
        ...shared,
        test: {
          name: "own-stack",
          include: ownStack,
          exclude: never,
          fsModuleCache: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          ...onAllCores,
        },
      },
      {
        ...shared,
        test: {
          name: "stack",
          include: needsStack,
          exclude: [...never, ...ownStack, ...alone],
          ...onSharedStack,
          // Each file has topics, keys and tables of its own, and limits that hold while another one runs.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        ...shared,
        test: {
          name: "stack-alone",
          include: alone,
          exclude: never,
          ...onSharedStack,
          fileParallelism: false,
        },
      },
    ],
  },
});
