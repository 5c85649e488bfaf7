// `npm run mutations [-- --count N --seed S --json]`: one byte changed at a time, 100,000 times unless told otherwise;
// both verifiers must find each.
import { longTest } from "./longTest.mjs";

await longTest({
  prefix: "MUTATIONS",
  file: "test/proof/mutations.test.ts",
  defaults: { count: "100000", seed: undefined },
  lineOf: ({ missed, ...told }) => ({ part: "mutations", ...told, missed: missed.verify + missed.python }),
});
