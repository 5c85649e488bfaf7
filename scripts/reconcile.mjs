// `npm run reconcile [-- --records N --json]`: a ledger of 100,000 records, unless told otherwise, set against a
// marketplace that has 1 % of them otherwise.
import { longTest } from "./longTest.mjs";

await longTest({
  prefix: "RECONCILE",
  file: "test/e2e/reconcile.test.ts",
  defaults: { records: "100000" },
  lineOf: (told) => ({ part: "reconcile", ...told }),
});
