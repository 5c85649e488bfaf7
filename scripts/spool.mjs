// `npm run spool [-- --kills N --seed S --json]`: a product service with the client's spool is killed 200 times, unless
// told otherwise, while 30 % of the collector's replies are lost.
import { longTest } from "./longTest.mjs";

await longTest({
  prefix: "SPOOL",
  file: "test/e2e/spool.test.ts",
  defaults: { kills: "200", seed: undefined },
  lineOf: (told) => told,
});
