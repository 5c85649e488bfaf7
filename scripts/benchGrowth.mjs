// `npm run bench:growth [-- --events N --minutes N --json --keep]`: throughput with 1 million and with N million events in
// the ledger, and memory at full load in between. With `--json` the last line of the output is the result; `--keep`
// appends it to test/bench/growth.ndjson.
import { join } from "node:path";
import { root } from "./setup.mjs";
import { build } from "./suite.mjs";

build("bench");
const main = join(root, "test", "bench", "dist", "growthMain.js");
process.argv.splice(1, 1, main);
await import(main);
