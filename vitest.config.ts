import { configDefaults, defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    globalSetup: ["test/globalSetup.ts"],
    include: ["packages/*/test/**/*.test.ts", "services/*/test/**/*.test.ts", "test/**/*.test.ts"],
    // They need the machine to themselves: vitest.alone.config.ts.
    exclude: [...configDefaults.exclude, "test/crash/crash.test.ts", "test/crash/bugs/**"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    // Built packages go to Node as they are: nothing in them needs vite, and each worker would ask it for each module.
    server: { deps: { external: [/\/(packages|services)\/[^/]+\/dist\//] } },
    // Many wait for processes and timeouts: a third one uses what two leave of two cores.
    maxWorkers: 3,
  },
});
