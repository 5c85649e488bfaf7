import { configDefaults, defineConfig } from "vitest/config";
import { LongFirst } from "./test/longFirst.js";

const common = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  // Built packages go to Node as they are: nothing in them needs vite, and each worker would ask it for each module.
  server: { deps: { external: [/\/(packages|services)\/[^/]+\/dist\//] } },
};

/** What needs neither servers nor processes nor much time: all of it within 20 s on two cores. They get no server: a test that asks for one fails, and `test/house/projects.test.ts` reads the imports. */
export const UNIT = [
  "packages/{contract,domain}/test/**/*.test.ts",
  "packages/client/test/client.test.ts",
  "packages/marketplace/test/{codes,keyring,settings,statement,storefront,wire}.test.ts",
  "packages/runtime/test/{bareRoute,clock,faultPoint,log,loop,metrics,settings,waits}.test.ts",
  "packages/sandbox/test/{journal,signature}.test.ts",
  "packages/stack/test/{clockPlan,options,sample,small,supervisor}.test.ts",
  "packages/queue/test/batch.test.ts",
  "services/reporter/test/breaker.test.ts",
  "test/bench/ratio.test.ts",
  "test/house.test.ts",
  "test/house/**/*.test.ts",
];

/**
 * What needs the machine to itself: it kills real processes under load and times their return, or sends real input by a
 * clock that runs 80 times as fast, to be filed within the window.
 */
export const ALONE = [
  "test/crash/crash.test.ts",
  "test/crash/bugs/bugs.test.ts",
  "test/e2e/idle.test.ts",
  "test/e2e/real-input.test.ts",
  "services/storefront/test/killed.test.ts",
  "test/upgrade/upgrade.test.ts",
];

export default defineConfig({
  test: {
    pool: "forks",
    // Many wait for processes and timeouts: a third one uses what two leave of two cores.
    maxWorkers: 3,
    sequence: { sequencer: LongFirst },
    projects: [
      // They hold no state of their own: a worker loads the rules once for all of them.
      { test: { ...common, name: "unit", include: UNIT, isolate: false } },
      {
        test: {
          ...common,
          name: "int",
          globalSetup: ["test/globalSetup.ts"],
          include: ["packages/*/test/**/*.test.ts", "services/*/test/**/*.test.ts", "test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...UNIT, ...ALONE],
        },
      },
      {
        test: {
          ...common,
          name: "alone",
          globalSetup: ["test/globalSetup.ts"],
          include: ALONE,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
