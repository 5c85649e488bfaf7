import { defineConfig } from "vitest/config";
import common from "./vitest.config.js";

/** What kills real processes under load and times their return: it runs after the other tests, with the machine to itself. */
export default defineConfig({
  test: {
    ...common.test,
    include: ["test/crash/crash.test.ts", "test/crash/bugs/bugs.test.ts"],
    exclude: [],
    maxWorkers: 1,
  },
});
